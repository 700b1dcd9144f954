// Scores of other tools beside the effects.
import { TONE } from "../shared/colours.js";
import { divergingMap } from "../shared/heatmap.js";
import { decoded } from "../shared/packed.js";
import { addFigure } from "../shared/panels.js";
import { countOf } from "../shared/statistics.js";
import { emptyTable, table } from "../shared/table.js";
import { count, decimal, pValue, safe } from "../shared/text.js";
import { currentSet, variantName } from "./variant-set.js";

const MAX_ROWS = 40;

const COLUMNS = [
  { head: "Population", cell: (row) => row.population },
  { head: "Model", cell: (row) => row.model },
  { head: "Track", cell: (row) => row.track },
  { head: "Variants", numeric: true, cell: (row) => row.n, format: count },
  { head: "Spearman", numeric: true, cell: (row) => row.spearman },
  { head: "p", numeric: true, cell: (row) => row.p_value, format: pValue },
];

function external() {
  const set = currentSet(), found = set.external;
  showCorrelations(found ? found.correlations : []);
  if (!found) return "No scores of other tools for this set and model.";
  if (!found.variants.length) return "Other tools score none of the variants on this page.";
  const rows = found.variants.slice(0, MAX_ROWS).map((i) => variantName(set.variants[i]));
  const columns = [...set.populations, ...found.tracks.map(({ model, track }) => `${model} ${track}`)];
  const scores = [...found.ours, ...found.theirs].map(decoded);
  const says = (z, row, k) =>
    `${safe(row)}<br>${safe(columns[k])}${k < set.populations.length ? " (this run)" : ""}: z ${decimal(z)}`;
  const figure = divergingMap("external", {
    rows, columns, z: rows.map((_, i) => scores.map((column) => column[i])), title: "z",
    text: rows.map((row, i) => scores.map((column, k) => says(column[i], row, k))),
  });
  figure.layout.shapes = [edge(set.populations.length)];
  figure.title = titleOf(found, rows.length);
  figure.finding = findingOf(found.correlations);
  return figure;
}

// The table has the strongest first.
function findingOf(correlations) {
  if (!correlations.length) return "";
  const [first] = correlations, sure = countOf(correlations, (row) => row.p_value < 0.05);
  return `The strongest rank correlation is ${decimal(first.spearman)}, of ${first.population} with ${first.model} `
    + `${first.track} (p ${pValue(first.p_value)}); ${sure} of ${correlations.length} have p < 0.05, uncorrected.`;
}

function showCorrelations(correlations) {
  document.getElementById("no-correlations").hidden = correlations.length > 0;
  if (correlations.length) table("correlations", COLUMNS, correlations);
  else emptyTable("correlations");
}

// Between our populations and the tracks of other tools.
function edge(populations) {
  const x = populations - 0.5;
  return { type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { color: TONE.ink, width: 2 } };
}

function titleOf(found, shown) {
  const parts = ["Left of the line: populations of this run. Right of it: other tools."];
  const total = found.variants.length;
  if (shown < total) parts.push(`The first ${count(shown)} of ${count(total)} variants.`);
  if (found.omitted) parts.push(`${count(found.omitted)} more tracks are in the tables.`);
  return parts.join(" ");
}

addFigure("external", external);
