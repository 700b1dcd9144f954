// Effects of variants in each population, as a map.
import { onChange } from "../shared/controls.js";
import { divergingMap } from "../shared/heatmap.js";
import { addFigure, chosen } from "../shared/panels.js";
import { countOf, finite, largestAbsolute } from "../shared/statistics.js";
import { count, plural } from "../shared/text.js";
import { alleleName, currentSet, effectOf, effectText, numbersOf, variantName } from "./variant-set.js";

const MAX_ROWS = 40;

function variantMap() {
  const set = currentSet(), gene = set.genes[chosen("variant-map", "Rows") - 1];
  const all = gene ? numbersOf(set, (one) => one.gene === gene.gene) : set.first.map((_, i) => i);
  if (!all.length) return "No variant was scored.";
  const shown = gene ? largestByPosition(set, all) : all.slice(0, MAX_ROWS);
  const inPopulations = (f) => shown.map((i) => set.populations.map((_, k) => f(set, k, i)));
  const figure = divergingMap("variant-map", {
    rows: shown.map((i) => rowName(set.variants[i], gene)), columns: set.populations, title: "effect",
    z: inPopulations(effectOf), text: inPopulations(effectText),
  });
  figure.finding = findingOf(set, shown);
  if (shown.length < all.length) {
    figure.title = `The ${count(shown.length)} ${gene ? "largest effects" : "first rows"} of ${count(all.length)}`;
  }
  return figure;
}

function findingOf(set, shown) {
  const rows = shown.map((i) => finite(set.populations.map((_, k) => effectOf(set, k, i))));
  const same = countOf(rows, (effects) => effects.every((one) => one >= 0) || effects.every((one) => one <= 0));
  return `${same} of ${plural(shown.length, "variant")} have the same sign in every population.`;
}

const rowName = (one, gene) => (gene ? `${one.variant} ${alleleName(one)}` : variantName(one));

function largestByPosition(set, numbers) {
  const size = (i) => largestAbsolute(set.populations.map((_, k) => effectOf(set, k, i)));
  return [...numbers].sort((a, b) => size(b) - size(a)).slice(0, MAX_ROWS)
    .sort((a, b) => set.variants[a].distance - set.variants[b].distance);
}

addFigure("variant-map", variantMap);
onChange("variant-map", "Rows");
