// Each population of a level: Pearson correlation by fold, with the noise ceiling.
import { boxes, foldTexts } from "../shared/boxes.js";
import { FAINT, INK } from "../shared/colours.js";
import { wire } from "../shared/controls.js";
import { DATA, recipeColour } from "../shared/data.js";
import { addFigure, chosen } from "../shared/panels.js";
import { byMedian, finite, median } from "../shared/statistics.js";
import { table } from "../shared/table.js";
import { decimal, safe } from "../shared/text.js";

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
  table("performance", columns(level), order);
  return figure;
}

function ceilingBars(rows, ceilings, groups) {
  return {
    mode: "markers", name: "noise ceiling", x: ceilings, y: rows.map((_, i) => i), hoverinfo: "text",
    text: rows.map((label, i) => `${safe(label)} · noise ceiling ${decimal(ceilings[i], 3)}`),
    marker: { symbol: "line-ns-open", size: 8 + 7 * groups.length, color: INK, line: { width: 2.5, color: INK } },
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
