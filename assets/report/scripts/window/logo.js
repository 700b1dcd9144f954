// Letters of sequence logos, drawn as shapes.
import { FAINT } from "../shared/colours.js";
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

// Letters [{base, x, from, to}] as one shape per base.
export function letterShapes(letters, yref) {
  const path = (base) => letters.filter((one) => one.base === base && one.from !== one.to).map(outline).join("");
  return Object.keys(GLYPHS).map((base) => ({
    type: "path", path: path(base), xref: "x", yref, fillcolor: BASE_COLOURS[base], line: { width: 0 }, layer: "above",
  })).filter((shape) => shape.path);
}

// The letters of an importance logo: above the line if positive, below it if negative.
export function importanceLetters(bases, importance, distances) {
  return bases.map((base, i) => (
    { base, x: distances[i], from: Math.min(importance[i], 0), to: Math.max(importance[i], 0) }
  )).filter((one) => GLYPHS[one.base] && Number.isFinite(one.from + one.to));
}

// Plotly draws an axis only if a trace uses it, and letters are shapes, not a trace.
export const logoTrace = (x, yaxis) => (
  { x: [x], y: [0], yaxis, mode: "markers", marker: { opacity: 0 }, hoverinfo: "skip", showlegend: false }
);

export function logoAxis(letters, title, own = {}) {
  const top = Math.max(0, ...letters.map((one) => one.to)), bottom = Math.min(0, ...letters.map((one) => one.from));
  const pad = (top - bottom || 1) * 0.06;
  return axis(title, {
    range: [bottom - pad, top + pad], fixedrange: true, zeroline: true, zerolinecolor: FAINT, showgrid: false,
    nticks: 4, ...own,
  });
}
