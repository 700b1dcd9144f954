// Transcripts in rows.

// Assigns rows so that transcripts do not overlap, with `nameRoom` bases for each name.
export function stack(transcripts, nameRoom) {
  const ends = [];
  return transcripts.map(({ span: [from, to] }) => {
    const free = ends.findIndex((end) => end < from);
    const row = free < 0 ? ends.length : free;
    ends[row] = Math.max(to, from + nameRoom);
    return row;
  });
}
