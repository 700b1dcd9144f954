// Letters of sequence logos, drawn as shapes.
import { FAINT, legible } from "../shared/colours.js";
import { axis } from "../shared/layout.js";

export const BASE_COLOURS = { A: "#109648", C: "#255c99", G: "#e6a117", T: "#d62839", N: FAINT };

// Points of an arc of an ellipse around the middle of the unit square; angles in degrees.
function arc(radiusX, radiusY, from, to) {
  return Array.from({ length: 19 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 18) * Math.PI) / 180;
    return [0.5 + radiusX * Math.cos(angle), 0.5 + radiusY * Math.sin(angle)];
  });
}

// Outlines in the unit square; a second outline is a hole.
const GLYPHS = {
  A: [
    [[0, 0], [0.38, 1], [0.62, 1], [1, 0], [0.78, 0], [0.7, 0.23], [0.3, 0.23], [0.22, 0]],
    [[0.36, 0.4], [0.64, 0.4], [0.5, 0.8]],
  ],
  C: [[...arc(0.5, 0.5, 40, 320), ...arc(0.29, 0.34, 320, 40)]],
  G: [[
    ...arc(0.5, 0.5, 40, 322), [0.96, 0.19], [0.96, 0.54], [0.52, 0.54], [0.52, 0.39], [0.76, 0.39], [0.76, 0.27],
    ...arc(0.29, 0.34, 318, 40),
  ]],
  T: [[[0, 1], [1, 1], [1, 0.82], [0.61, 0.82], [0.61, 0], [0.39, 0], [0.39, 0.82], [0, 0.82]]],
};

// SVG path of a base around position x, between two heights.
function outline({ base, x, from, to }) {
  const point = ([u, v], i) =>
    `${i ? "L" : "M"}${(x - 0.46 + 0.92 * u).toFixed(3)},${(from + (to - from) * v).toPrecision(5)}`;
  return GLYPHS[base].map((ring) => `${ring.map(point).join("")}Z`).join("");
}

// Letters [{base, x, from, to}] as one path per base: [{base, path}].
function letterPaths(letters) {
  const path = (base) => letters.filter((one) => one.base === base && one.from !== one.to).map(outline).join("");
  return Object.keys(GLYPHS).map((base) => ({ base, path: path(base) })).filter((one) => one.path);
}

// The same as Plotly's shapes.
export function letterShapes(letters, yref) {
  return letterPaths(letters).map(({ base, path }) => ({
    type: "path", path, xref: "x", yref, fillcolor: legible(BASE_COLOURS[base]), line: { width: 0 }, layer: "above",
  }));
}

// Heights of A, C, G, T as letters on top of each other, the tallest uppermost.
export function stackedLetters(heights, x) {
  let from = 0;
  return [..."ACGT"].map((base, k) => ({ base, height: heights[k] })).sort((a, b) => a.height - b.height)
    .map(({ base, height }) => ({ base, x, from, to: (from += height) }));
}

const svg = (tag, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  return element;
};

// A small picture of a motif. heights: of A, C, G and T at each position, in bits.
export function logoPicture(heights, label) {
  const picture = svg("svg", {
    class: "logo", role: "img", "aria-label": label, width: 15 * heights.length, height: 44,
    viewBox: `-0.5 -2 ${heights.length} 2`, preserveAspectRatio: "none",
  });
  const flipped = svg("g", { transform: "scale(1 -1)" });
  letterPaths(heights.flatMap(stackedLetters)).forEach(({ base, path }) => (
    flipped.appendChild(svg("path", { d: path, fill: BASE_COLOURS[base] }))
  ));
  picture.appendChild(flipped);
  return picture;
}

// The letters of an importance logo: above the line if positive, below it if negative.
export function importanceLetters(bases, importance, distances) {
  return bases.map((base, i) => (
    { base, x: distances[i], from: Math.min(importance[i], 0), to: Math.max(importance[i], 0) }
  )).filter((one) => GLYPHS[one.base] && Number.isFinite(one.from + one.to));
}

// Plotly draws an axis only if a trace uses it, and letters are shapes, not a trace.
export const logoTrace = (x, yaxis) => ({
  x: [x], y: [0], yaxis, mode: "markers", marker: { opacity: 0 }, hoverinfo: "skip", showlegend: false,
  isDecoration: true,
});

export function logoAxis(letters, title, own = {}) {
  const top = Math.max(0, ...letters.map((one) => one.to)), bottom = Math.min(0, ...letters.map((one) => one.from));
  const pad = (top - bottom || 1) * 0.06;
  return axis(title, {
    range: [bottom - pad, top + pad], fixedrange: true, zeroline: true, zerolinecolor: FAINT, showgrid: false,
    nticks: 4, ...own,
  });
}
