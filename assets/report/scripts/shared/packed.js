// Vectors packed by gene_figures.py: codes of 16 or 8 bits in base64; the largest code means missing.

// The inverse of pack() in gene_figures.py.
export function unpack({ low, step, codes, bits = 16 }) {
  const bytes = Uint8Array.from(atob(codes), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer), missing = 2 ** bits - 1;
  return Array.from({ length: (8 * bytes.length) / bits }, (_, i) => {
    const code = bits === 8 ? bytes[i] : view.getUint16(2 * i, true);
    return code === missing ? NaN : low + code * step;
  });
}

const unpacked = new WeakMap();

// Unpacks each vector once, so that redrawing a figure does not decode it again.
export function decoded(packed) {
  if (!unpacked.has(packed)) unpacked.set(packed, unpack(packed));
  return unpacked.get(packed);
}
