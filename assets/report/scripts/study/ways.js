// The ways in which the models of a run predict a population: its own model, those of its ancestors, and bulk.
import { DATA } from "../shared/data.js";
import { decoded } from "../shared/packed.js";

const atlasOf = (name) => DATA.tissues.find(({ atlas }) => atlas === name) ?? {};

// The ancestor of a population at a coarser level of its atlas, as its index there; −1 if there is none.
function ancestorAt(level, k, coarse) {
  const chain = DATA.predictions.filter(({ atlas }) => atlas === level.atlas);
  let at = chain.indexOf(level), index = k;
  while (at > chain.indexOf(coarse) && index >= 0) {
    const parent = chain[at].parents[index];
    at -= 1;
    index = chain[at].populations.indexOf(parent);
  }
  return at === chain.indexOf(coarse) ? index : -1;
}

function isBulkOf(level, other) {
  const mine = atlasOf(level.atlas), theirs = atlasOf(other.atlas);
  const same = mine.tissue && mine.tissue === theirs.tissue && mine.genome === theirs.genome;
  return same && theirs.protocol === "bulk" && mine.protocol !== "bulk";
}

// [{name, predicted}] of the k-th population of a level; predicted: a Map of values by gene.
export function waysTo(level, k) {
  return DATA.predictions.flatMap((other) => {
    const bulk = isBulkOf(level, other);
    if (other.atlas !== level.atlas && !bulk) return [];
    const indices = bulk ? other.populations.map((_, i) => i) : [ancestorAt(level, k, other)].filter((i) => i >= 0);
    return indices.flatMap((i) => other.recipes.filter(({ predicted }) => predicted).map(({ recipe, predicted }) => (
      { name: `${recipe} · ${other.populations[i]} (${other.name})`, level: other, values: () => decoded(predicted[i]) }
    )));
  });
}

// Values of a way for genes of the page, by number; NaN where the page has none.
export function valuesFor(way, genes) {
  const place = new Map(way.level.genes.map((gene, i) => [gene, i])), values = way.values();
  return genes.map((gene) => values[place.get(gene)] ?? NaN);
}
