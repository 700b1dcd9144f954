// Statistics of small vectors; NaN means missing.

export const finite = (values) => values.filter(Number.isFinite);

const sum = (values) => values.reduce((total, value) => total + value, 0);
export const mean = (values) => sum(values) / values.length;

export function median(values) {
  const sorted = finite(values).sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (!sorted.length) return NaN;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// The index of the largest value; missing ones count for nothing, and −1 means that all are missing.
export function largestAt(values) {
  return values.reduce((best, value, i) => (Number.isFinite(value) && !(value <= values[best]) ? i : best), -1);
}

export const countOf = (values, is) => values.filter(is).length;

// The most frequent value: the floor, which all genes share that were not detected. Detected ones may be below it.
export function mostFrequent(values) {
  const times = new Map();
  finite(values).forEach((value) => times.set(value, (times.get(value) ?? 0) + 1));
  return [...times].reduce((best, one) => (one[1] > best[1] ? one : best), [NaN, 0])[0];
}

export const spread = (values) => {
  const known = finite(values), middle = mean(known);
  return Math.sqrt(mean(known.map((value) => (value - middle) ** 2)));
};

// Ranks of values, from 0; equal values share their mean rank, and missing ones stay missing.
export function ranks(values) {
  const below = (value) => countOf(values, (other) => other < value);
  const same = (value) => countOf(values, (other) => other === value);
  return values.map((value) => (Number.isFinite(value) ? below(value) + (same(value) - 1) / 2 : NaN));
}

export function pearson(x, y) {
  const pairs = x.map((value, i) => [value, y[i]]).filter((pair) => pair.every(Number.isFinite));
  const [meanX, meanY] = [0, 1].map((k) => mean(pairs.map((pair) => pair[k])));
  const products = (f) => sum(pairs.map(([a, b]) => f(a - meanX, b - meanY)));
  return products((a, b) => a * b) / Math.sqrt(products((a) => a * a) * products((_, b) => b * b));
}

// The range of the values, extended to 0. Math.min(...values) would fail with 100,000 values.
export function rangeWithZero(values) {
  return finite(values).reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [0, 0]);
}

export function largestAbsolute(values) {
  const [low, high] = rangeWithZero(values);
  return Math.max(-low, high);
}

// Running mean over `width` values, over fewer at both ends.
export function smoothed(values, width) {
  const half = width >> 1;
  return values.map((_, i) => mean(finite(values.slice(Math.max(0, i - half), i + half + 1))));
}

// Indices of rows, sorted by the median of their values, largest first.
export function byMedian(rows) {
  const medians = rows.map(median);
  return rows.map((_, i) => i).sort((a, b) => (medians[b] || -1) - (medians[a] || -1));
}
