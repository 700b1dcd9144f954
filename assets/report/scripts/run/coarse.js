// The same populations predicted by models of coarser and finer levels.
import { boxes, foldTexts } from "../shared/boxes.js";
import { LEVEL_COLOURS, TONE } from "../shared/colours.js";
import { wire } from "../shared/controls.js";
import { DATA } from "../shared/data.js";
import { narrow } from "../shared/layout.js";
import { addFigure, chosen } from "../shared/panels.js";
import { byMedian, countOf, median } from "../shared/statistics.js";
import { table } from "../shared/table.js";
import { decimal, pValue, plural } from "../shared/text.js";
import { referenceBars } from "./references.js";

const COLUMNS = [
  { head: "Population", cell: (row) => row.target_population },
  { head: "Model of", cell: (row) => row.model_level },
  { head: "Median", numeric: true, cell: (row) => row.median_pearson, digits: 3 },
  { head: "Model of", cell: (row) => row.other_level },
  { head: "Median", numeric: true, cell: (row) => row.other_median_pearson, digits: 3 },
  { head: "Δ", numeric: true, cell: (row) => row.delta, digits: 3 },
  { head: "p", numeric: true, cell: (row) => row.p_value, format: pValue },
];

function coarse() {
  if (!DATA.coarse.length) return "No coarser level predicts a finer one in this run.";
  const level = DATA.coarse[chosen("coarse", "Level")];
  const order = byMedian(level.models[0].pearson);
  const rows = order.map((i) => level.populations[i]);
  const groups = level.models.map((model, k) => {
    const values = order.map((i) => model.pearson[i]), name = `model of ${model.level}`;
    const colour = LEVEL_COLOURS[k % LEVEL_COLOURS.length];
    return { name, colour, values, texts: foldTexts(rows, level.folds, values, name) };
  });
  table("coarse", COLUMNS, level.comparisons);
  const bars = referenceBars(level.level, level.populations, order, 8 + 7 * groups.length);
  const figure = boxes(rows, groups, "Pearson r", bars);
  figure.finding = findingOf(level);
  if (!narrow()) figure.layout.annotations = rows.map((label, y) => deltaNote(level, label, y));
  figure.layout.margin = { l: 10, r: narrow() ? 14 : 150, t: 40, b: 40 };
  return figure;
}

function findingOf({ models, comparisons }) {
  const [finest, coarser] = models.map((model) => model.level);
  const tests = comparisons.filter((row) => row.model_level === finest && row.other_level === coarser);
  if (!tests.length) return "";
  const ahead = countOf(tests, ({ delta }) => delta > 0), sure = countOf(tests, (row) => row.p_value < 0.05);
  const all = plural(tests.length, "population");
  const verdict = sure > tests.length / 2 ? "the finer level helps" : "there is no clear gain from the finer level";
  return `The model of ${finest} is ahead of that of ${coarser} in ${ahead} of ${all}, in ${sure} with p < 0.05 `
    + `(median Δ ${decimal(median(tests.map((row) => row.delta)), 3)}): ${verdict}.`;
}

// To the right of each row: the advantage of the finest model over the next coarser one.
function deltaNote({ models, comparisons }, population, y) {
  const [finest, coarser] = models.map((model) => model.level);
  const test = comparisons.find((row) => (
    row.target_population === population && row.model_level === finest && row.other_level === coarser
  ));
  const text = test ? `Δ ${test.delta >= 0 ? "+" : ""}${decimal(test.delta, 3)}, p ${pValue(test.p_value)}` : "";
  const color = test && test.p_value < 0.05 ? TONE.ink : TONE.soft;
  return { text, xref: "paper", x: 1.01, xanchor: "left", y, showarrow: false, font: { size: 11, color } };
}

addFigure("coarse", coarse);
wire("coarse", "Level", DATA.coarse);
