// Observed expression of two populations of a tissue: bulk against pseudobulk, or two protocols (Figures S3, S8).
import { FAINT, TONE } from "../shared/colours.js";
import { DATA, geneName } from "../shared/data.js";
import { POINTS, axis, narrow } from "../shared/layout.js";
import { decoded } from "../shared/packed.js";
import { addFigure, redraw } from "../shared/panels.js";
import { finite, median, rangeWithZero } from "../shared/statistics.js";
import { markChosen, table } from "../shared/table.js";
import { count, decimal, plural, safe } from "../shared/text.js";

const { pairs, populations, genes, values } = DATA.agreement ?? { pairs: [], populations: [], genes: [], values: [] };

let [shown] = pairs;

const COLUMNS = [
  { head: "Population", cell: ({ x }) => populations[x] },
  { head: "Other population", cell: ({ y }) => populations[y] },
  { head: "Tissue", cell: ({ tissue }) => tissue },
  { head: "Genes", numeric: true, cell: ({ n }) => n, format: count },
  { head: "r", numeric: true, cell: ({ r }) => r },
];

function agreement() {
  if (!shown) return "No two rows of --input are of one tissue: give them the same one in its column `tissue`.";
  const [first, second] = [values[shown.x], values[shown.y]];
  if (!first || !second) return "The expression of this pair is not on this page; it is in the folder expression.";
  const drawn = genes[shown.genome], x = decoded(first), y = decoded(second), [low, high] = rangeWithZero([...x, ...y]);
  const range = [low - 0.2, high + 0.2];
  return {
    title: `r = ${decimal(shown.r)} over ${plural(shown.n, "gene")}${sample(drawn)}`, finding: findingOf(),
    traces: [identity(range), points(x, y, drawn)],
    layout: {
      height: narrow() ? 380 : 520, showlegend: false, margin: { l: 10, r: 14, t: 10, b: 40 },
      xaxis: axis(safe(`${populations[shown.x]}, log10`), { range, constrain: "domain" }),
      yaxis: axis(safe(`${populations[shown.y]}, log10`), { range, scaleanchor: "x", constrain: "domain" }),
    },
  };
}

const sample = (drawn) => (drawn.length < shown.n ? `; a random ${count(drawn.length)} drawn` : "");

const identity = (range) => ({
  type: POINTS, mode: "lines", x: range, y: range, hoverinfo: "skip", isDecoration: true,
  line: { color: FAINT, width: 1, dash: "dot" },
});

const points = (x, y, drawn) => ({
  type: POINTS, mode: "markers", name: "gene", x, y, text: drawn.map((gene) => safe(geneName(gene))),
  hovertemplate: "%{text}<br>%{x:.2f}<br>%{y:.2f}<extra></extra>",
  marker: { size: 4, color: TONE.soft, opacity: drawn.length > 1000 ? 0.35 : 0.6 },
});

function findingOf() {
  const all = finite(pairs.map(({ r }) => r)), low = Math.min(...all), high = Math.max(...all);
  const verdict = median(all) > 0.8
    ? "they measure much the same, so that models of one can predict the other"
    : "they measure partly different things, which bounds how well models of one can predict the other";
  return `Over ${plural(all.length, "pair")}, r is from ${decimal(low)} to ${decimal(high)}, in the median `
    + `${decimal(median(all))}: ${verdict}.`;
}

function showPair(pair) {
  shown = pair;
  markChosen("agreement", pair);
  redraw("agreement");
}

addFigure("agreement", agreement);
if (pairs.length) {
  table("agreement", COLUMNS, pairs, showPair);
  markChosen("agreement", shown);
}
