// Vectors packed by gene_figures.py: 16-bit codes in base64.

const MISSING = 65535;

// The inverse of pack() in gene_figures.py.
export function unpack({ low, step, codes }) {
  const bytes = Uint8Array.from(atob(codes), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 2 }, (_, i) => {
    const code = view.getUint16(2 * i, true);
    return code === MISSING ? NaN : low + code * step;
  });
}

const unpacked = new WeakMap();

// Unpacks each vector once, so that redrawing a figure does not decode it again.
export function decoded(packed) {
  if (!unpacked.has(packed)) unpacked.set(packed, unpack(packed));
  return unpacked.get(packed);
}
