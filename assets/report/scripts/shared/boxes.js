// Box plots in rows, with all their points.
import { TONE, translucent } from "./colours.js";
import { axis, narrow, rowAxis } from "./layout.js";
import { decimal, safe, shorten } from "./text.js";

const POINTS_ROOM = 17; // pixels per group in a row

// rows: labels. groups: [{name, colour, values, texts}], side by side in each row; values and texts: a list per row.
export function boxes(rows, groups, xTitle, extraTraces = []) {
  return {
    traces: [...groups.map(boxTrace), ...extraTraces],
    layout: {
      boxmode: "group",
      boxgap: 0.2,
      boxgroupgap: 0.12,
      height: rows.length * (groups.length * POINTS_ROOM + 12) + 120,
      shapes: rows.map((_, i) => i).filter((i) => i % 2 === 0).map(band),
      xaxis: axis(xTitle, { fixedrange: narrow() }),
      yaxis: rowAxis(rows),
    },
  };
}

// A bar per row, over the room of its groups: the noise ceiling. x, notes: a value and a hover text per row.
export function ceilingBars(x, notes, groups) {
  return {
    mode: "markers", name: "noise ceiling", series: "noise ceiling", x, y: x.map((_, row) => row), hoverinfo: "text",
    text: notes.map(safe),
    marker: {
      symbol: "line-ns-open", size: 8 + 7 * groups.length, color: TONE.ink, line: { width: 2.5, color: TONE.ink },
    },
  };
}

function boxTrace({ name, colour, values, texts }) {
  return {
    type: "box", orientation: "h", name: shorten(name, 24), series: name, offsetgroup: name,
    boxpoints: "all", jitter: 0.6, pointpos: 0,
    x: values.flat(), y: values.flatMap((inRow, row) => inRow.map(() => row)), text: texts.flat().map(safe),
    hoveron: "points", hoverinfo: "text",
    marker: { size: 4, opacity: 0.65, color: colour },
    line: { width: 1.3, color: colour }, fillcolor: translucent(colour, 0.16),
  };
}

// Every other row has a band, to guide the eye.
function band(row) {
  return {
    type: "rect", xref: "paper", x0: 0, x1: 1, y0: row - 0.5, y1: row + 0.5,
    layer: "below", fillcolor: TONE.band, line: { width: 0 },
  };
}

// Hover texts of the points of a row; values[row][k] is the Pearson correlation of the k-th fold.
export function foldTexts(rows, folds, values, name) {
  return values.map((row, i) => row.map((r, k) => `${rows[i]} · ${name} · fold ${folds[k]}: ${decimal(r, 3)}`));
}
