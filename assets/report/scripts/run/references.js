// What limits the correlations of a level: baselines from below, noise ceilings from above.
import { TONE } from "../shared/colours.js";
import { DATA, isBaseline, recipeColour } from "../shared/data.js";
import { finite, median } from "../shared/statistics.js";
import { decimal, safe, shorten } from "../shared/text.js";

// {name, colour, values} of each baseline, and of the noise ceiling, by population of a level.
export function referencesOf(levelName) {
  const level = DATA.performance.find((one) => one.name === levelName);
  if (!level) return [];
  const baselines = level.recipes.filter(({ recipe }) => isBaseline(recipe)).map(({ recipe, pearson }) => (
    { name: recipe, colour: recipeColour(recipe), values: pearson.map(median) }
  ));
  const ceiling = { name: "noise ceiling", colour: TONE.ink, values: level.ceilings };
  return finite(level.ceilings).length ? [...baselines, ceiling] : baselines;
}

// A bar per row and reference; order: the population of each row. height: in pixels.
export function referenceBars(levelName, populations, order, height) {
  return referencesOf(levelName).map(({ name, colour, values }) => ({
    mode: "markers", name: shorten(name, 24), series: name, hoverinfo: "text",
    x: order.map((i) => values[i]), y: order.map((_, row) => row),
    text: order.map((i) => `${safe(populations[i])} · ${safe(name)} ${decimal(values[i], 3)}`),
    marker: { symbol: "line-ns-open", size: height, color: colour, line: { width: 2.2, color: colour } },
  }));
}
