// All levels side by side, as in the paper's Fig. 1C–E.
import { boxes, foldTexts } from "../shared/boxes.js";
import { DATA, recipeColour, recipesOf } from "../shared/data.js";
import { narrow, rowAxis, rowLabel } from "../shared/layout.js";
import { addFigure } from "../shared/panels.js";
import { median } from "../shared/statistics.js";
import { decimal, plural } from "../shared/text.js";

function levels() {
  const rows = DATA.performance;
  if (!rows.length) return "No scores: no model was evaluated in this run.";
  const groups = recipesOf(rows).map((recipe) => groupOf(recipe, rows));
  const figure = boxes(rows.map((row) => row.name), groups, "Pearson r");
  figure.layout.yaxis = narrow()
    ? rowAxis(rows.map((row) => row.level), rows.map((row) => rowLabel(row.atlas)))
    : rowAxis(rows.map((row) => row.name), rows.map(sizeOf));
  return figure;
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
