// Transcripts in rows.

// Rows of transcripts that do not overlap, `nameRoom` bases for each one's name included.
export function stack(transcripts, nameRoom) {
  const ends = [];
  return transcripts.map(({ span: [from, to] }) => {
    const free = ends.findIndex((end) => end < from);
    const row = free < 0 ? ends.length : free;
    ends[row] = Math.max(to, from + nameRoom);
    return row;
  });
}
