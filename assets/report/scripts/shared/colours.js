// Colours of the page's figures; those of recipes come with the data.

export const INK = "#1d2733";
export const SOFT = "#5a6675"; // of small text
export const FAINT = "#8a8f98"; // of lines and points; too faint for text
export const LINE = "#e3e6ea";
export const BAND = "#f4f6f8";

export const UP = "#0072B2";
export const DOWN = "#D55E00";
export const DIVERGING = [[0, "#a63c00"], [0.25, "#e89a5c"], [0.5, "#f7f7f7"], [0.75, "#6aaed6"], [1, "#00507d"]];

export const LEVEL_COLOURS = ["#0072B2", "#56B4E9", "#8A8F98", "#CC79A7", "#E69F00"];

const PARENT_COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8A8F98", "#6A4C93"];
const PARENT_SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x"];

export const N_COLOURS = PARENT_COLOURS.length;
export const groupColour = (k) => PARENT_COLOURS[k % N_COLOURS];
// Another symbol where the colours begin anew.
export const groupSymbol = (k) => PARENT_SYMBOLS[Math.floor(k / N_COLOURS) % PARENT_SYMBOLS.length];

export function translucent(hex, alpha) {
  const channels = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return `rgba(${channels.join(",")},${alpha})`;
}
