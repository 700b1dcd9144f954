// What the page draws: the JSON in #report-data, made by page_data of report.py.
import { legible } from "./colours.js";

export const DATA = JSON.parse(document.getElementById("report-data").textContent);

export const geneName = (gene) => DATA.names[gene];

export const recipeColour = (recipe) => legible(DATA.recipes.find((one) => one.recipe === recipe).colour);

export const isBaseline = (recipe) => DATA.recipes.some((one) => one.recipe === recipe && one.baseline);

// Whether predictions are those of another model (--external_predictions).
export const isExternal = (recipe) => DATA.recipes.some((one) => one.recipe === recipe && one.external);

// The recipes that occur in the rows, in the order of the palette.
export function recipesOf(rows) {
  const has = (recipe) => rows.some((row) => row.recipes.some((one) => one.recipe === recipe));
  return DATA.recipes.map((one) => one.recipe).filter(has);
}
