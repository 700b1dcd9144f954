// Effects as lines from 0.
import { plotWidth } from "../shared/panels.js";

// One trace of positive and one of negative effects. points: [{x, y, text}]. Without names, they are a background.
export function stems(points, width, colours, names = []) {
  const named = names.length > 0;
  return [points.filter((one) => one.y > 0), points.filter((one) => one.y < 0)].map((side, k) => ({
    mode: "lines", name: names[k], showlegend: named && side.length > 0,
    x: side.flatMap(({ x }) => [x, x, null]), y: side.flatMap(({ y }) => [0, y, null]),
    text: side.flatMap(({ text }) => ["", text, ""]), hoverinfo: named ? "text" : "skip",
    line: { color: colours[k], width, simplify: false }, points: side,
  }));
}

// Width of a stem in pixels, so that neighbours touch but do not overlap.
export const stemWidth = (name, [from, to]) => Math.min(16, Math.max(1, (0.7 * plotWidth(name)) / (to - from)));
