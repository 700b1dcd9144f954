// Colours of the page's figures; those of recipes come with the data.
import { isDark } from "./theme.js";

const DARK = {
  ink: "#e4e9ef", soft: "#a9b4c0", line: "#343d48", band: "#20272f", paper: "#181e25", mark: "#4a3d1f",
  pale: ["#2c4a5e", "#5e432e"],
  diverging: [[0, "#f2a366"], [0.25, "#9c5c2b"], [0.5, "#252c34"], [0.75, "#2b6f99"], [1, "#86c5ea"]],
};
const LIGHT = {
  ink: "#1d2733", soft: "#5a6675", line: "#e3e6ea", band: "#f4f6f8", paper: "#ffffff", mark: "#fdf0d5",
  pale: ["#c3d9e8", "#f0d2bd"],
  diverging: [[0, "#a63c00"], [0.25, "#e89a5c"], [0.5, "#f7f7f7"], [0.75, "#6aaed6"], [1, "#00507d"]],
};

const now = (name) => (isDark() ? DARK : LIGHT)[name];

// ink: of text; soft: of small text; line, band: of grids and rows; paper: the ground; mark: behind what is chosen;
// pale: effects in the background, up and down; diverging: a scale around 0.
export const TONE = {
  get ink() { return now("ink"); },
  get soft() { return now("soft"); },
  get line() { return now("line"); },
  get band() { return now("band"); },
  get paper() { return now("paper"); },
  get mark() { return now("mark"); },
  get pale() { return now("pale"); },
  get diverging() { return now("diverging"); },
};

export const FAINT = "#8a8f98"; // of lines and points on either ground; too faint for text

export const UP = "#0072B2";
export const DOWN = "#D55E00";

export const LEVEL_COLOURS = ["#0072B2", "#56B4E9", "#8A8F98", "#CC79A7", "#E69F00"];

const PARENT_COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8A8F98", "#6A4C93"];
const PARENT_SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x"];

export const N_COLOURS = PARENT_COLOURS.length;
export const groupColour = (k) => legible(PARENT_COLOURS[k % N_COLOURS]);
// Another symbol where the colours begin anew.
export const groupSymbol = (k) => PARENT_SYMBOLS[Math.floor(k / N_COLOURS) % PARENT_SYMBOLS.length];

const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

export function translucent(hex, alpha) {
  return `rgba(${channels(hex).join(",")},${alpha})`;
}

// Lighter on a dark ground, as report.css does it for the dots of a key.
export function legible(hex) {
  if (!isDark()) return hex;
  return `#${channels(hex).map((value) => Math.round(0.7 * value + 76.5).toString(16).padStart(2, "0")).join("")}`;
}
