// Observed against predicted expression of held-out genes.
import { FAINT } from "../shared/colours.js";
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, geneName, recipeColour } from "../shared/data.js";
import { POINTS, axis, narrow } from "../shared/layout.js";
import { unpack } from "../shared/packed.js";
import { addFigure, chosen, control, draw } from "../shared/panels.js";
import { countOf, mostFrequent, rangeWithZero, spread } from "../shared/statistics.js";
import { count, decimal, percent, plural, safe } from "../shared/text.js";

const currentLevel = () => DATA.predictions[chosen("scatter", "Level")];

function scatter() {
  if (!DATA.predictions.length) return "No predictions in this run.";
  const level = currentLevel(), k = chosen("scatter", "Population");
  const model = level.recipes[chosen("scatter", "Recipe")];
  if (!model.predicted || !level.observed) return "No predictions of this model.";
  const [x, y] = [level.observed, model.predicted].map((vectors) => unpack(vectors[k]).slice(0, level.drawn));
  const [low, high] = rangeWithZero([...x, ...y]), range = [low - 0.2, high + 0.2];
  return {
    title: titleOf(level, model, k), finding: findingOf(x, y, model.pearson[k]),
    traces: [identity(range), points(level, model, x, y)],
    layout: {
      height: narrow() ? 380 : 560, showlegend: false, margin: { l: 10, r: 14, t: 10, b: 40 },
      xaxis: axis("observed, log10", { range, constrain: "domain" }),
      yaxis: axis("predicted, log10", { range, scaleanchor: "x", constrain: "domain" }),
    },
  };
}

function titleOf(level, model, k) {
  const part = level.drawn < level.total ? `; a random ${count(level.drawn)} drawn` : "";
  const r = `Pearson r = ${decimal(model.pearson[k])} over ${count(model.n[k])} held-out genes`;
  return `${level.populations[k]} · ${model.recipe}: ${r}${part}`;
}

function findingOf(x, y, r) {
  const share = spread(y) / spread(x), floor = mostFrequent(x), silent = countOf(x, (value) => value === floor);
  const explained = `A line through the points explains ${percent(r * r)} of the variance of observed expression`;
  const narrower = share < 0.9 ? ": extremes are drawn towards the mean" : "";
  const some = silent > 0.01 * x.length;
  const atFloor = some ? ` ${plural(silent, "gene")} drawn are at the floor (${decimal(floor)}).` : "";
  return `${explained}. The spread of predictions is ${percent(share)} of the observed one${narrower}.${atFloor}`;
}

function identity(range) {
  return {
    type: POINTS, mode: "lines", x: range, y: range, hoverinfo: "skip", isDecoration: true,
    line: { color: FAINT, width: 1, dash: "dot" },
  };
}

function points(level, model, x, y) {
  return {
    type: POINTS, mode: "markers", x, y,
    text: level.genes.slice(0, level.drawn).map((gene) => safe(geneName(gene))),
    hovertemplate: "%{text}<br>observed %{x:.2f}<br>predicted %{y:.2f}<extra></extra>",
    marker: { size: 4, color: recipeColour(model.recipe), opacity: level.drawn > 1000 ? 0.35 : 0.6 },
  };
}

function fillControls() {
  const level = currentLevel();
  fill(control("scatter", "Recipe"), level ? level.recipes.map((one) => one.recipe) : []);
  fill(control("scatter", "Population"), level ? level.populations : []);
}

addFigure("scatter", scatter);
wire("scatter", "Level", DATA.predictions, () => { fillControls(); draw("scatter"); });
["Recipe", "Population"].forEach((label) => onChange("scatter", label));
fillControls();
