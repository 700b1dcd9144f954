// All levels side by side, as in the paper's Fig. 1C–E.
import { boxes, ceilingBars, foldTexts } from "../shared/boxes.js";
import { DATA, isBaseline, recipeColour, recipesOf } from "../shared/data.js";
import { narrow, rowAxis, rowLabel } from "../shared/layout.js";
import { addFigure } from "../shared/panels.js";
import { finite, largestAt, median } from "../shared/statistics.js";
import { decimal, percent, plural } from "../shared/text.js";

function levels() {
  const rows = DATA.performance;
  if (!rows.length) return "No scores: no model was evaluated in this run.";
  const groups = recipesOf(rows).map((recipe) => groupOf(recipe, rows));
  const ceilings = rows.map((row) => median(row.ceilings));
  const notes = rows.map((row, i) => `${row.name} · median noise ceiling ${decimal(ceilings[i], 3)}`);
  const bars = finite(ceilings).length ? [ceilingBars(ceilings, notes, groups)] : [];
  const figure = boxes(rows.map((row) => row.name), groups, "Pearson r", bars);
  figure.layout.yaxis = narrow()
    ? rowAxis(rows.map((row) => row.level), rows.map((row) => rowLabel(row.atlas)))
    : rowAxis(rows.map((row) => row.name), rows.map(sizeOf));
  figure.finding = findingOf(rows);
  return figure;
}

// The best network of all levels, and what it adds to the best baseline there.
function findingOf(rows) {
  const all = rows.flatMap((row) => row.recipes.map((one) => ({ ...one, row, r: median(one.pearson.map(median)) })));
  const networks = all.filter((one) => !isBaseline(one.recipe));
  const best = networks[largestAt(networks.map((one) => one.r))];
  if (!best) return "";
  const rivals = all.filter((one) => one.row === best.row && isBaseline(one.recipe));
  const rival = rivals[largestAt(rivals.map((one) => one.r))], ceiling = median(best.row.ceilings);
  const share = Number.isFinite(ceiling) ? `, ${percent(best.r / ceiling)} of the noise ceiling` : "";
  const first = `The best median is that of ${best.recipe} on ${best.row.name}: r = ${decimal(best.r)}${share}.`;
  if (!rival) return first;
  const side = best.r > rival.r ? "beyond" : "no more than";
  return `${first} The best baseline there, ${rival.recipe}, reaches ${decimal(rival.r)}: the model predicts `
    + `${side} it.`;
}

function sizeOf({ populations, folds }) {
  return populations.length > 1 ? plural(populations.length, "population") : plural(folds.length, "fold");
}

function groupOf(recipe, rows) {
  const scores = rows.map((row) => row.recipes.find((one) => one.recipe === recipe));
  const points = scores.map((one, i) => (one ? pointsOf(one, rows[i]) : { values: [], texts: [] }));
  return {
    name: recipe, colour: recipeColour(recipe),
    values: points.map((one) => one.values), texts: points.map((one) => one.texts),
  };
}

// One point per population: its median over folds. For a single population, one point per fold.
function pointsOf({ recipe, pearson }, { populations, folds }) {
  if (pearson.length === 1) return { values: pearson[0], texts: foldTexts(populations, folds, pearson, recipe)[0] };
  const values = pearson.map(median);
  return { values, texts: values.map((r, k) => `${populations[k]} · ${recipe}: median ${decimal(r, 3)}`) };
}

addFigure("levels", levels);
