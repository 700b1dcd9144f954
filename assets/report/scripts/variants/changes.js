// Motifs that a variant changes.
import { emptyTable, table } from "../shared/table.js";
import { count, signed } from "../shared/text.js";

const COLUMNS = [
  { head: "Motif", cell: (one) => one.motif },
  { head: "Name", cell: (one) => one.name },
  { head: "Strand", cell: (one) => one.strand },
  { head: "From", numeric: true, cell: (one) => one.start, format: count },
  { head: "Bits, reference", numeric: true, cell: (one) => one.ref_score },
  { head: "Bits, alternative", numeric: true, cell: (one) => one.alt_score },
  { head: "Change", numeric: true, cell: (one) => one.alt_score - one.ref_score, format: (bits) => signed(bits) },
];

export const changesOf = (set, i) => set.changes.filter((one) => one.number === i);

export function fillChanges(set, i) {
  const changes = changesOf(set, i);
  if (changes.length) table("changes", COLUMNS, changes);
  else emptyTable("changes");
}
