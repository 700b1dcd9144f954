// Positions of a promoter window on the genome.
import { count } from "../shared/text.js";

// The genomic position, as text, of a distance from the TSS; "" if the position of the gene is not known.
export function onGenome(locus, distance) {
  if (!locus) return "";
  return `${locus.chrom}:${count(locus.strand === "-" ? locus.tss - distance : locus.tss + distance)}`;
}

export const distanceOf = ({ tss, strand }, position) => (strand === "-" ? tss - position : position - tss);
