// Δ of each population's own model to other populations, levels, atlases and bulk, with tests (Figures 3, S14, S15).
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA } from "../shared/data.js";
import { divergingMap } from "../shared/heatmap.js";
import { addFigure, chosen, control, draw } from "../shared/panels.js";
import { countOf, finite, median } from "../shared/statistics.js";
import { decimal, pValue, plural, safe } from "../shared/text.js";

const KINDS = [
  ["population", "other populations of the level"], ["level", "coarser levels"],
  ["atlas", "the same population in other atlases"], ["tissue", "bulk of the tissue"],
  ["protocol", "other rows of the tissue, each on its own data"],
  ["transfer", "other models against that of the whole"],
];
const SIGNIFICANT = 0.05;
const N_COLUMNS = 120;

const currentModel = () => DATA.comparisons[chosen("elsewhere", "Model")];
const kindsOf = (model) => KINDS.filter(([kind]) => model?.kind.includes(kind));

function elsewhere() {
  const model = currentModel();
  if (!model) return "No model predicts a population other than its own in this run.";
  const [kind, words] = kindsOf(model)[chosen("elsewhere", "Against")];
  const at = model.kind.map((_, i) => i).filter((i) => model.kind[i] === kind);
  const others = new Set(at.map((i) => model.other[i])), own = model.populations.filter((one) => others.delete(one));
  const names = [...own, ...others].slice(0, N_COLUMNS);
  const rows = model.populations.filter((one) => at.some((i) => model.population[i] === one));
  const found = new Map(at.map((i) => [`${rows.indexOf(model.population[i])} ${names.indexOf(model.other[i])}`, i]));
  const cell = (row, column) => found.get(`${row} ${column}`);
  const fromCells = (f) => rows.map((_, row) => names.map((_name, column) => f(cell(row, column))));
  const figure = divergingMap("elsewhere", {
    rows, columns: names, title: "Δ r",
    z: fromCells((i) => (i === undefined ? NaN : model.delta[i])),
    text: fromCells((i) => (i === undefined ? "" : says(model, i))),
    spots: at.filter((i) => model.p_value[i] < SIGNIFICANT)
      .map((i) => [names.indexOf(model.other[i]), rows.indexOf(model.population[i])]).filter(([x]) => x >= 0),
    finding: findingOf(model, at, words),
  });
  figure.title = model.name;
  return figure;
}

const isTransfer = (model, i) => model.kind[i] === "transfer";

const says = (model, i) => [
  isTransfer(model, i) ? `${safe(model.population[i])} · ${safe(model.other[i])} against the whole`
    : `${safe(model.population[i])} · own model against ${safe(model.other[i])}`,
  `Δ ${decimal(model.delta[i], 3)}, p ${pValue(model.p_value[i])}`,
].join("<br>");

function findingOf(model, at, words) {
  const deltas = finite(at.map((i) => model.delta[i])), sure = countOf(at, (i) => model.p_value[i] < SIGNIFICANT);
  const least = 0.5 ** model.own_folds;
  const folds = plural(model.own_folds, "fold");
  const few = least > SIGNIFICANT ? ` With ${folds}, no p-value is below ${pValue(least)}.` : "";
  const ahead = countOf(deltas, (delta) => delta > 0), transfer = isTransfer(model, at[0]);
  const who = transfer ? `Other models predict better than that of the whole in ${ahead} of ${deltas.length}`
    : `Against ${words}, the own model is ahead in ${ahead} of ${deltas.length}`;
  return `${who}, with p < 0.05 in ${sure}; the median Δ is ${decimal(median(deltas), 3)}.${few}`;
}

function fillKinds() {
  fill(control("elsewhere", "Against"), kindsOf(currentModel()).map(([, words]) => words));
}

addFigure("elsewhere", elsewhere);
wire("elsewhere", "Model", DATA.comparisons, () => { fillKinds(); draw("elsewhere"); });
onChange("elsewhere", "Against");
fillKinds();
