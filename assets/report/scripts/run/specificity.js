// Specificity of every recipe and baseline, by level.
import { FAINT } from "../shared/colours.js";
import { DATA, isBaseline, recipeColour, recipesOf } from "../shared/data.js";
import { axis, rowAxis } from "../shared/layout.js";
import { addFigure } from "../shared/panels.js";
import { largestAt } from "../shared/statistics.js";
import { decimal, plural, safe, shorten } from "../shared/text.js";

function specificity() {
  const levels = DATA.specificity;
  if (!levels.length) return "Specificity needs a level of several populations; this run has none.";
  return {
    traces: recipesOf(levels).map((recipe, k, all) => points(levels, recipe, (k - (all.length - 1) / 2) * 0.1)),
    finding: findingOf(levels),
    layout: {
      height: levels.length * 90 + 120,
      xaxis: axis("specificity", { zeroline: true, zerolinecolor: FAINT }),
      yaxis: rowAxis(levels.map((one) => one.name), levels.map((one) => plural(one.populations, "population"))),
    },
  };
}

function points(levels, recipe, shift) {
  const rows = levels.map((level, row) => ({ level, row, one: level.recipes.find((mine) => mine.recipe === recipe) }))
    .filter(({ one }) => one);
  const color = recipeColour(recipe);
  return {
    mode: "markers", name: shorten(recipe, 24), series: recipe,
    x: rows.map(({ one }) => one.value), y: rows.map(({ row }) => row + shift),
    text: rows.map(({ level, one }) => (
      `${safe(level.name)} · ${safe(recipe)}<br>specificity ${decimal(one.value)} ± ${decimal(one.sd)}`
    )),
    hoverinfo: "text", marker: { size: 9, color, symbol: isBaseline(recipe) ? "circle-open" : "circle" },
    error_x: { type: "data", array: rows.map(({ one }) => one.sd), thickness: 1.2, width: 3, color },
  };
}

function findingOf(levels) {
  const networks = levels.flatMap((level) => (
    level.recipes.filter(({ recipe }) => !isBaseline(recipe)).map((one) => ({ ...one, level }))
  ));
  const best = networks[largestAt(networks.map((one) => one.value))];
  if (!best) return "";
  const baselines = best.level.recipes.filter(({ recipe }) => isBaseline(recipe));
  const rival = baselines[largestAt(baselines.map((one) => one.value))];
  const beside = rival ? `; the best baseline there, ${rival.recipe}, reaches ${decimal(rival.value)}` : "";
  return `The highest specificity is ${decimal(best.value)}, that of ${best.recipe} on ${best.level.name}${beside}.`;
}

addFigure("specificity", specificity);
