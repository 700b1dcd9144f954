// Each population of a level: Pearson correlation by fold, with the noise ceiling.
import { boxes, foldTexts } from "../shared/boxes.js";
import { FAINT, TONE } from "../shared/colours.js";
import { wire } from "../shared/controls.js";
import { DATA, isBaseline, recipeColour } from "../shared/data.js";
import { addFigure, chosen } from "../shared/panels.js";
import { byMedian, countOf, finite, largestAt, median } from "../shared/statistics.js";
import { table } from "../shared/table.js";
import { count, decimal, percent, plural, safe } from "../shared/text.js";

function performance() {
  if (!DATA.performance.length) return "No scores: no model was evaluated in this run.";
  const level = DATA.performance[chosen("performance", "Level")];
  const order = byMedian(level.recipes[0].pearson);
  const rows = order.map((i) => level.populations[i]);
  const groups = level.recipes.map(({ recipe, pearson }) => {
    const values = order.map((i) => pearson[i]), texts = foldTexts(rows, level.folds, values, recipe);
    return { name: recipe, colour: recipeColour(recipe), values, texts };
  });
  const ceilings = order.map((i) => level.ceilings[i]);
  const figure = boxes(rows, groups, "Pearson r", finite(ceilings).length ? [ceilingBars(rows, ceilings, groups)] : []);
  const overall = median(groups[0].values.map(median));
  figure.layout.shapes.push(verticalLine(overall));
  figure.title = `${level.name}: median over populations ${decimal(overall)} (${groups[0].name})`;
  figure.finding = findingOf(level);
  table("performance", columns(level), order);
  return figure;
}

function findingOf({ populations, recipes, ceilings }) {
  const medians = recipes.map(({ pearson }) => pearson.map(median));
  const networks = recipes.map((_, k) => k).filter((k) => !isBaseline(recipes[k].recipe));
  const best = networks[largestAt(networks.map((k) => median(medians[k])))];
  if (best === undefined) return "";
  const mine = medians[best], baselines = recipes.map((_, k) => k).filter((k) => !networks.includes(k));
  const ahead = countOf(populations, (_, i) => baselines.every((k) => mine[i] > medians[k][i]));
  const high = largestAt(mine), low = largestAt(mine.map((r) => -r));
  const range = populations.length > 1
    ? `from ${decimal(mine[low])} (${populations[low]}) to ${decimal(mine[high])} (${populations[high]})`
    : decimal(mine[0]);
  const share = median(mine.map((r, i) => r / ceilings[i]));
  const ceiling = Number.isFinite(share) ? `, ${percent(share)} of the noise ceiling in the median` : "";
  const beats = baselines.length
    ? ` It is ahead of every baseline in ${count(ahead)} of ${plural(populations.length, "population")}.` : "";
  return `${recipes[best].recipe} predicts best: its median r is ${range}${ceiling}.${beats}`;
}

function ceilingBars(rows, ceilings, groups) {
  return {
    mode: "markers", name: "noise ceiling", x: ceilings, y: rows.map((_, i) => i), hoverinfo: "text",
    text: rows.map((label, i) => `${safe(label)} · noise ceiling ${decimal(ceilings[i], 3)}`),
    marker: {
      symbol: "line-ns-open", size: 8 + 7 * groups.length, color: TONE.ink, line: { width: 2.5, color: TONE.ink },
    },
  };
}

function verticalLine(x) {
  return {
    type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, layer: "below", line: { color: FAINT, width: 1.5 },
  };
}

function columns(level) {
  return [
    { head: "Population", cell: (i) => level.populations[i] },
    ...level.recipes.map(({ recipe, pearson }) => (
      { head: recipe, numeric: true, cell: (i) => median(pearson[i]), digits: 3 }
    )),
    { head: "Noise ceiling", numeric: true, cell: (i) => level.ceilings[i], digits: 3 },
  ];
}

addFigure("performance", performance);
wire("performance", "Level", DATA.performance);
