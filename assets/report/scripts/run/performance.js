// Each population of a level: Pearson correlation by fold, with the noise ceiling.
import { boxes, ceilingBars, foldTexts } from "../shared/boxes.js";
import { FAINT } from "../shared/colours.js";
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, isBaseline, recipeColour } from "../shared/data.js";
import { addFigure, chosen, control } from "../shared/panels.js";
import { byMedian, countOf, finite, largestAt, median } from "../shared/statistics.js";
import { table } from "../shared/table.js";
import { count, decimal, percent, plural } from "../shared/text.js";

function performance() {
  if (!DATA.performance.length) return "No scores: no model was evaluated in this run.";
  const level = DATA.performance[chosen("performance", "Level")];
  const order = byMedian(level.recipes[0].pearson), asShare = chosen("performance", "Scale") === 1;
  const rows = order.map((i) => level.populations[i]);
  const groups = level.recipes.map(({ recipe, pearson }) => {
    const values = order.map((i) => pearson[i].map((r) => (asShare ? r / level.ceilings[i] : r)));
    return { name: recipe, colour: recipeColour(recipe), values, texts: foldTexts(rows, level.folds, values, recipe) };
  });
  const ceilings = order.map((i) => (asShare ? level.ceilings[i] / level.ceilings[i] : level.ceilings[i]));
  const notes = rows.map((label, i) => `${label} · noise ceiling ${decimal(level.ceilings[order[i]], 3)}`);
  const bars = finite(ceilings).length ? [ceilingBars(ceilings, notes, groups)] : [];
  const figure = boxes(rows, groups, asShare ? "Pearson r / noise ceiling" : "Pearson r", bars);
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
fill(control("performance", "Scale"), DATA.performance.length ? ["r", "share of the noise ceiling"] : []);
onChange("performance", "Scale");
