// A variant's alleles in every population.
import { FAINT, groupColour } from "../shared/colours.js";
import { axis, narrow, rowAxis } from "../shared/layout.js";
import { addFigure } from "../shared/panels.js";
import { countOf, finite, largestAt } from "../shared/statistics.js";
import { distanceText, plural, shorten, signed } from "../shared/text.js";
import { currentVariant } from "./chosen-variant.js";
import { SIGNIFICANT, currentSet, deviationOf, effectOf, numbersOf, qValueOf } from "./variant-set.js";
import { alleleName, effectText, variantName } from "./variant-set.js";

// The symbol of the chosen allele, then those of the others.
const SYMBOLS = ["circle", "diamond-open", "square-open", "triangle-up-open", "x-open", "star-open"];
const SAME_VARIANT = ["variant", "gene", "chrom", "pos", "ref"];

function alleles() {
  const set = currentSet(), chosen = currentVariant(), one = set.variants[chosen];
  if (!one) return "No variant was scored.";
  const isOther = (other) => other !== one && SAME_VARIANT.every((field) => other[field] === one[field]);
  const shown = [chosen, ...numbersOf(set, isOther)].slice(0, SYMBOLS.length);
  const parents = [...new Set(set.parents)], order = populationOrder(set, parents, chosen);
  const traces = shown.map((i, place) => alleleTrace(set, i, order, parents, place, shown.length));
  if (parents.length > 1) traces.push(...parents.map(legendOfParent));
  return {
    title: `${variantName(one)} · ${distanceText(one.distance)} bases from the TSS`, traces,
    finding: findingOf(set, chosen),
    layout: {
      height: set.populations.length * 26 + 130, showlegend: true,
      xaxis: axis("effect, log10", { rangemode: "tozero", zeroline: true, zerolinecolor: FAINT, fixedrange: narrow() }),
      yaxis: rowAxis(order.map((k) => set.populations[k])),
    },
  };
}

function findingOf(set, i) {
  const effects = set.populations.map((_, k) => effectOf(set, k, i)), known = finite(effects);
  const up = countOf(known, (effect) => effect > 0), down = countOf(known, (effect) => effect < 0);
  const top = largestAt(effects.map(Math.abs));
  const sure = countOf(set.populations, (_, k) => qValueOf(set, k, i) < SIGNIFICANT);
  if (top < 0) return "";
  const size = signed(effects[top]), all = plural(known.length, "population");
  return `The allele raises predicted expression in ${up} and lowers it in ${down} of ${all}, in ${sure} with `
    + `q < 0.05; the largest effect is ${size} in ${set.populations[top]}.`;
}

// By parent, then by effect.
function populationOrder(set, parents, i) {
  const parent = (k) => parents.indexOf(set.parents[k]);
  return set.populations.map((_, k) => k)
    .sort((a, b) => parent(a) - parent(b) || effectOf(set, b, i) - effectOf(set, a, i));
}

function alleleTrace(set, i, order, parents, place, n) {
  return {
    mode: "markers", name: shorten(alleleName(set.variants[i]), 24), legendrank: place,
    x: order.map((k) => effectOf(set, k, i)), y: order.map((_, row) => row + (place - (n - 1) / 2) * 0.24),
    text: order.map((k) => effectText(set, k, i)), hoverinfo: "text",
    marker: {
      size: place ? 8 : 10, symbol: SYMBOLS[place],
      color: order.map((k) => groupColour(parents.indexOf(set.parents[k]))),
    },
    error_x: { type: "data", array: order.map((k) => deviationOf(set, k, i)), thickness: 1, width: 3, color: FAINT },
  };
}

function legendOfParent(parent, k) {
  return {
    mode: "markers", name: shorten(parent || "no parent", 24), x: [null], y: [null], hoverinfo: "skip",
    isDecoration: true,
    marker: { size: 9, symbol: "square", color: groupColour(k) }, legendrank: 2000,
  };
}

addFigure("alleles", alleles);
