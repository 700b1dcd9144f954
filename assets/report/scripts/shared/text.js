// Labels and numbers as text.

// Plotly reads a subset of HTML in every text, so labels are escaped.
export const safe = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

// At most `length` characters of plain text.
export function cut(text, length) {
  const characters = Array.from(String(text));
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : String(text);
}

// The same, for Plotly.
export const shorten = (text, length) => safe(cut(text, length));

export const count = (value) => value.toLocaleString("en");

export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

export const percent = (share) => (Number.isFinite(share) ? `${Math.round(100 * share)} %` : "–");

// With a true minus sign, and none before a zero.
export function decimal(value, digits = 2) {
  if (!Number.isFinite(value)) return "–";
  return value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1").replace("-", "−");
}

export function pValue(p) {
  if (!Number.isFinite(p)) return "–";
  return p >= 0.001 ? String(Number(p.toPrecision(2))) : p.toExponential(1);
}

// A number with its sign, to this number of significant digits.
export function signed(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  const sign = value > 0 ? "+" : value < 0 ? "−" : "";
  return `${sign}${Number(Math.abs(value).toPrecision(digits))}`;
}

export const unsigned = (value) => signed(value, 2).replace("+", "");

// A distance from the TSS.
export const distanceText = (distance) =>
  distance > 0 ? `+${count(distance)}` : count(distance).replace("-", "−");
