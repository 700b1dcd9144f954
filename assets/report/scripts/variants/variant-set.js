// The chosen set of variants and model: names, effects and q-values of its variants, by index.
import { DATA, geneName } from "../shared/data.js";
import { decoded } from "../shared/packed.js";
import { cut, distanceText, pValue, safe, signed, unsigned } from "../shared/text.js";

export const SIGNIFICANT = 0.05; // q below it

export const setSelect = document.getElementById("variant-model");

export const currentSet = () => DATA.variants[Math.max(0, setSelect.selectedIndex)];

// Alleles and names of haplotypes may be long, and are cut.
export const alleleName = ({ ref, alt }) => `${cut(ref, 16)}>${cut(alt, 16)}`;

export const variantName = (one) => `${cut(one.variant, 40)} ${alleleName(one)} · ${geneName(one.gene)}`;

export const positionOf = ({ chrom, pos }) => `${chrom}:${cut(pos, 30)}`;

// Values of the i-th variant in the k-th population.
export const effectOf = (set, k, i) => decoded(set.effect[k])[i];
export const deviationOf = (set, k, i) => decoded(set.sd[k])[i];
export const qValueOf = (set, k, i) => 10 ** decoded(set.log_q[k])[i];

export const numbersOf = (set, has = () => true) => set.variants.map((_, i) => i).filter((i) => has(set.variants[i]));

// The hover text of a variant in a figure.
export function effectText(set, k, i) {
  const one = set.variants[i];
  const effect = `${signed(effectOf(set, k, i))} ± ${unsigned(deviationOf(set, k, i))}`;
  return [
    safe(variantName(one)),
    `${safe(positionOf(one))} · ${distanceText(one.distance)} from the TSS`,
    `${safe(set.populations[k])}: ${effect}, q ${pValue(qValueOf(set, k, i))}`,
  ].join("<br>");
}
