// Observed against predicted expression of a population under two models; silent genes are marked (Figure 2D–F).
import { DOWN, FAINT, TONE, legible } from "../shared/colours.js";
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, geneName } from "../shared/data.js";
import { POINTS, axis, narrow } from "../shared/layout.js";
import { decoded } from "../shared/packed.js";
import { addFigure, chosen, control, draw } from "../shared/panels.js";
import { finite, mean, median, mostFrequent, pearson, rangeWithZero } from "../shared/statistics.js";
import { count, decimal, plural, safe } from "../shared/text.js";
import { valuesFor, waysTo } from "./ways.js";

const LEVELS = DATA.predictions.filter(({ atlas, populations }) => (
  populations.length > 1 || !DATA.predictions.some((one) => one.atlas === atlas && one.populations.length > 1)
));

const currentLevel = () => LEVELS[chosen("two-models", "Level")];
const population = () => chosen("two-models", "Population");
const shownPopulation = () => currentLevel().populations[population()];

// Populations whose silent genes can be marked: those of the level, then those of the atlas's other levels.
function silentIn() {
  const level = currentLevel(), others = LEVELS.filter((one) => one.atlas === level?.atlas && one !== level);
  return [level, ...others].filter((one) => one?.observed).flatMap((one) => one.populations.map((name, k) => ({
    level: one, k, name: one === level ? name : `${name} (${one.name})`,
  })));
}

function twoModels() {
  const level = currentLevel();
  if (!level?.observed) return "No predictions in this run.";
  const k = population(), ways = waysTo(level, k), genes = level.genes.slice(0, level.drawn);
  const pair = ["First model", "Second model"].map((label) => ways[chosen("two-models", label)]);
  const x = decoded(level.observed[k]).slice(0, level.drawn), both = pair.map((way) => valuesFor(way, genes));
  const silent = silentIn()[chosen("two-models", "Silent in")], silentGenes = new Set(silentAt(silent));
  const marked = genes.map((_, i) => i).filter((i) => silentGenes.has(genes[i]));
  const [low, high] = rangeWithZero([...x, ...both.flat()]), range = [low - 0.2, high + 0.2];
  return {
    title: `${level.name} · ${level.populations[k]}: ${plural(marked.length, "gene")} silent in ${silent.name}, `
      + "expressed elsewhere",
    finding: findingOf({ x, both, marked, silent: silent.name }),
    traces: both.flatMap((y, side) => (
      sideTraces({ x, y, genes, marked, range, side, way: pair[side], silent: silent.name })
    )),
    layout: layoutOf(range, pair),
  };
}

// Genes at the floor in the k-th population of a level that are in the upper half of all genes in another one.
function silentAt({ level, k }) {
  const observed = level.observed.map((vector) => decoded(vector).slice(0, level.drawn));
  const floor = mostFrequent(observed[k]), middles = observed.map(median);
  return level.genes.slice(0, level.drawn).filter((_, i) => (
    observed[k][i] === floor && observed.some((values, other) => other !== k && values[i] > middles[other])
  ));
}

function sideTraces({ x, y, genes, marked, range, side, way, silent }) {
  const axes = side ? { xaxis: "x2", yaxis: "y2" } : {}, isMarked = new Set(marked);
  const others = genes.map((_, i) => i).filter((i) => !isMarked.has(i));
  const points = (name, at, color, size) => ({
    type: POINTS, mode: "markers", name: safe(name), series: `${way.name} · ${name}`, showlegend: !side,
    legendgroup: name, ...axes,
    x: at.map((i) => x[i]), y: at.map((i) => y[i]), text: at.map((i) => safe(geneName(genes[i]))),
    hovertemplate: "%{text}<br>observed %{x:.2f}<br>predicted %{y:.2f}<extra></extra>",
    marker: { size, color, opacity: color === FAINT ? 0.35 : 0.8 },
  });
  const line = {
    type: POINTS, mode: "lines", x: range, y: range, hoverinfo: "skip", isDecoration: true, showlegend: false, ...axes,
    line: { color: TONE.soft, width: 1, dash: "dot" },
  };
  return [line, points("other genes", others, FAINT, 4), points(`silent in ${silent}`, marked, legible(DOWN), 6)];
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

function findingOf({ x, both, marked, silent }) {
  const r = both.map((y) => decimal(pearson(x, y)));
  const first = `Over ${count(x.length)} genes, r is ${r[0]} by the first and ${r[1]} by the second model.`;
  if (!marked.length) return `${first} No gene that is silent in ${silent} is well expressed elsewhere.`;
  const levels = both.map((y) => mean(finite(marked.map((i) => y[i]))));
  const lower = Math.abs(levels[0] - levels[1]) < 0.05 ? "neither" : levels[0] < levels[1] ? "the first" : "the second";
  const sentence = `${first} Genes that are silent in ${silent} and expressed elsewhere are predicted at `
    + `${decimal(levels[0])} and ${decimal(levels[1])} on average`;
  const seen = mean(finite(marked.map((i) => x[i])));
  return silent === shownPopulation() ? `${sentence}: ${lower} model knows better that they are off.`
    : `${sentence}; here, they are expressed at ${decimal(seen)}.`;
}

function fillModels() {
  const level = currentLevel(), ways = level ? waysTo(level, population()).map((way) => way.name) : [];
  const own = Math.max(0, ways.findIndex((name) => level && name.endsWith(`(${level.name})`)));
  fill(control("two-models", "First model"), ways, own);
  fill(control("two-models", "Second model"), ways, own ? 0 : Math.min(1, ways.length - 1));
}

// The genes that are silent in the population itself are marked, until others are asked for.
function fillFor() {
  fillModels();
  fill(control("two-models", "Silent in"), silentIn().map(({ name }) => name), population());
}

function fillPopulations() {
  fill(control("two-models", "Population"), currentLevel()?.populations ?? []);
  fillFor();
}

addFigure("two-models", twoModels);
wire("two-models", "Level", LEVELS, () => { fillPopulations(); draw("two-models"); });
onChange("two-models", "Population", () => { fillFor(); draw("two-models"); });
["First model", "Second model", "Silent in"].forEach((label) => onChange("two-models", label));
fillPopulations();
