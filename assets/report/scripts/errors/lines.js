// Errors of each recipe along a trait, as lines, or as points where the trait has labels.
import { recipeColour } from "../shared/data.js";
import { axis } from "../shared/layout.js";
import { countOf } from "../shared/statistics.js";
import { count, decimal, plural, safe, shorten } from "../shared/text.js";

// trait: {axis, log, x, labels, n, recipes: [{recipe, error}]}.
export function errorLines({ axis: title, log, x, labels, n, recipes }, what = "gene") {
  const says = (recipe, i, error) => [
    `${safe(recipe)}${labels ? ` · ${safe(labels[i])}` : ""}`, `mean |error| ${decimal(error)}`,
    `${plural(n[i], what)}`,
  ].join("<br>");
  const isNumber = log || !labels;
  const xaxis = isNumber
    ? axis(title, log ? { type: "log", exponentformat: "none" } : {})
    : axis(title, { tickmode: "array", tickvals: x, ticktext: labels.map(safe), labels });
  return {
    traces: recipes.map(({ recipe, error }) => ({
      mode: labels ? "markers" : "lines+markers", name: shorten(recipe, 24), series: recipe, x, y: error,
      text: error.map((value, i) => says(recipe, i, value)), hoverinfo: "text",
      line: { color: recipeColour(recipe), width: 2 }, marker: { size: 8, color: recipeColour(recipe) },
    })),
    layout: { height: 400, xaxis, yaxis: axis("mean |error|, log10 units", { rangemode: "tozero" }) },
  };
}

// The network with the smallest mean error.
export function bestOf(recipes, isBaseline) {
  const networks = recipes.filter(({ recipe }) => !isBaseline(recipe));
  const mean = ({ error }) => error.reduce((total, value) => total + value, 0) / error.length;
  return networks.sort((a, b) => mean(a) - mean(b))[0];
}

// In how many bins the best network errs less than every baseline.
export function aheadIn(best, recipes, isBaseline) {
  const baselines = recipes.filter(({ recipe }) => isBaseline(recipe));
  const ahead = countOf(best.error, (value, i) => baselines.every(({ error }) => value < error[i]));
  return baselines.length ? `It errs less than every baseline in ${count(ahead)} of ${best.error.length}.` : "";
}
