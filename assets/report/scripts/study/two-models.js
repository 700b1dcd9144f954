// Observed against predicted expression of a population under two models; genes silent there are marked (Figure 2D–F).
import { DOWN, FAINT, TONE, legible } from "../shared/colours.js";
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, geneName } from "../shared/data.js";
import { POINTS, axis, narrow } from "../shared/layout.js";
import { decoded } from "../shared/packed.js";
import { addFigure, chosen, control, draw } from "../shared/panels.js";
import { finite, mean, median, pearson, rangeWithZero } from "../shared/statistics.js";
import { count, decimal, plural, safe } from "../shared/text.js";
import { valuesFor, waysTo } from "./ways.js";

const LEVELS = DATA.predictions.filter(({ atlas, populations }) => (
  populations.length > 1 || !DATA.predictions.some((one) => one.atlas === atlas && one.populations.length > 1)
));

const currentLevel = () => LEVELS[chosen("two-models", "Level")];
const population = () => chosen("two-models", "Population");

function twoModels() {
  const level = currentLevel();
  if (!level?.observed) return "No predictions in this run.";
  const k = population(), ways = waysTo(level, k), genes = level.genes.slice(0, level.drawn);
  const pair = ["First model", "Second model"].map((label) => ways[chosen("two-models", label)]);
  const observed = level.observed.map((vector) => decoded(vector).slice(0, level.drawn)), x = observed[k];
  const marked = silentHere(observed, k), both = pair.map((way) => valuesFor(way, genes));
  const [low, high] = rangeWithZero([...x, ...both.flat()]), range = [low - 0.2, high + 0.2];
  return {
    title: `${level.name} · ${level.populations[k]}: ${plural(marked.length, "gene")} silent here, expressed elsewhere`,
    finding: findingOf(pair, x, both, marked),
    traces: both.flatMap((y, side) => sideTraces({ x, y, genes, marked, range, side, way: pair[side] })),
    layout: layoutOf(range, pair),
  };
}

// Genes at the floor in the k-th population that are in the upper half of all genes in another one.
function silentHere(observed, k) {
  const floor = Math.min(...finite(observed[k])), middles = observed.map(median);
  return observed[k].map((_, i) => i).filter((i) => (
    observed[k][i] === floor && observed.some((values, other) => other !== k && values[i] > middles[other])
  ));
}

function sideTraces({ x, y, genes, marked, range, side, way }) {
  const axes = side ? { xaxis: "x2", yaxis: "y2" } : {}, isMarked = new Set(marked);
  const others = genes.map((_, i) => i).filter((i) => !isMarked.has(i));
  const points = (name, at, color, size) => ({
    type: POINTS, mode: "markers", name, series: `${way.name} · ${name}`, showlegend: !side, legendgroup: name, ...axes,
    x: at.map((i) => x[i]), y: at.map((i) => y[i]), text: at.map((i) => safe(geneName(genes[i]))),
    hovertemplate: "%{text}<br>observed %{x:.2f}<br>predicted %{y:.2f}<extra></extra>",
    marker: { size, color, opacity: color === FAINT ? 0.35 : 0.8 },
  });
  const line = {
    type: POINTS, mode: "lines", x: range, y: range, hoverinfo: "skip", isDecoration: true, showlegend: false, ...axes,
    line: { color: TONE.soft, width: 1, dash: "dot" },
  };
  return [line, points("other genes", others, FAINT, 4), points("silent here", marked, legible(DOWN), 6)];
}

// Side by side where there is room, else one below the other.
function layoutOf(range, pair) {
  const stacked = narrow(), halves = [[0, 0.46], [0.54, 1]];
  const along = (title, own) => axis(title, { range, ...own });
  const title = (way) => safe(`predicted by ${way.name.length > 44 ? `${way.name.slice(0, 43)}…` : way.name}`);
  return {
    height: stacked ? 760 : 480, showlegend: true,
    xaxis: along("observed, log10", { domain: stacked ? [0, 1] : halves[0] }),
    yaxis: along(title(pair[0]), { domain: stacked ? halves[1] : [0, 1] }),
    xaxis2: along("observed, log10", { domain: stacked ? [0, 1] : halves[1], anchor: "y2" }),
    yaxis2: along(title(pair[1]), { domain: stacked ? halves[0] : [0, 1], anchor: "x2" }),
  };
}

function findingOf(pair, x, both, marked) {
  const r = both.map((y) => decimal(pearson(x, y)));
  const first = `Over ${count(x.length)} genes, r is ${r[0]} by the first and ${r[1]} by the second model.`;
  if (!marked.length) return `${first} No gene that is silent here is well expressed elsewhere.`;
  const levels = both.map((y) => mean(finite(marked.map((i) => y[i]))));
  const lower = Math.abs(levels[0] - levels[1]) < 0.05 ? "neither" : levels[0] < levels[1] ? "the first" : "the second";
  return `${first} Genes that are silent here and expressed elsewhere are predicted at ${decimal(levels[0])} and `
    + `${decimal(levels[1])} on average: ${lower} model knows better that they are off.`;
}

function fillModels() {
  const level = currentLevel(), ways = level ? waysTo(level, population()).map((way) => way.name) : [];
  const own = Math.max(0, ways.findIndex((name) => level && name.endsWith(`(${level.name})`)));
  fill(control("two-models", "First model"), ways, own);
  fill(control("two-models", "Second model"), ways, own ? 0 : Math.min(1, ways.length - 1));
}

function fillPopulations() {
  fill(control("two-models", "Population"), currentLevel()?.populations ?? []);
  fillModels();
}

addFigure("two-models", twoModels);
wire("two-models", "Level", LEVELS, () => { fillPopulations(); draw("two-models"); });
onChange("two-models", "Population", () => { fillModels(); draw("two-models"); });
["First model", "Second model"].forEach((label) => onChange("two-models", label));
fillPopulations();
