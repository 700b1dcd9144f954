// Each recipe against every other one and the baselines (Figures S5, S9).
import { wire } from "../shared/controls.js";
import { DATA } from "../shared/data.js";
import { divergingMap } from "../shared/heatmap.js";
import { addFigure, chosen } from "../shared/panels.js";
import { countOf, finite, largestAt } from "../shared/statistics.js";
import { decimal, plural, safe } from "../shared/text.js";

function recipeMap() {
  if (!DATA.recipe_map.length) return "There is one recipe, and no baseline: nothing to compare.";
  const one = DATA.recipe_map[chosen("recipe-map", "Level")], { rows, columns, delta, tests, significant } = one;
  const says = (i, k) => `${safe(rows[i])} minus ${safe(columns[k])}<br>median Δ ${decimal(delta[i][k], 3)}, p < 0.05 `
    + `in ${significant[i][k]} of ${plural(tests[i][k], "population")}`;
  const isSure = (i, k) => significant[i][k] > tests[i][k] / 2;
  const figure = divergingMap("recipe-map", {
    rows, columns, z: delta, title: "Δ r", text: rows.map((_, i) => columns.map((_c, k) => (
      Number.isFinite(delta[i][k]) ? says(i, k) : ""
    ))),
    spots: rows.flatMap((_, i) => columns.map((_c, k) => [k, i]).filter(([k]) => isSure(i, k))),
    finding: findingOf(one, isSure),
  });
  figure.title = one.name;
  return figure;
}

// Recipes with other folds have other baselines beside them, so that means of their Δ do not compare.
function findingOf({ rows, delta }, isSure) {
  const ahead = delta.map((row) => countOf(row, (one) => one > 0)), best = largestAt(ahead);
  const known = finite(delta[best]).length, sure = countOf(delta[best], (one, k) => one > 0 && isSure(best, k));
  return `${rows[best]} is ahead of most others: of ${ahead[best]} of the ${known} that it is compared with, `
    + `of ${sure} with p < 0.05 in more than half of the populations.`;
}

addFigure("recipe-map", recipeMap);
wire("recipe-map", "Level", DATA.recipe_map);
