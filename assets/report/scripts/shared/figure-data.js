// The numbers of a figure as a table: those of its traces, with the labels of an axis in place of their positions.

// Plotly's subset of HTML, back to plain text.
const plainText = (html) => String(html).replace(/<br>/g, " · ").replace(/<[^>]*>/g, "")
  .replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

const axisOf = (layout, letter, trace) => layout[`${letter}axis${(trace[`${letter}axis`] ?? "").slice(1)}`] ?? {};

// An axis that names its positions has `labels`, in full: what it shows may be cut.
const valueAt = ({ labels }, value) => labels?.[value] ?? labels?.[Math.round(value)] ?? value;

const titleOf = ({ title }, otherwise) => plainText(title?.text || otherwise);

// {columns, rows} of a figure's traces. Those with `isDecoration` hold no data; `points` has those that lines are made
// of.
export function figureTable({ traces, layout }) {
  const shown = traces.filter((trace) => !trace.isDecoration);
  const heads = shown[0] ? ["x", "y"].map((letter) => titleOf(axisOf(layout, letter, shown[0]), letter)) : [];
  const isMap = shown[0]?.type === "heatmap";
  return {
    columns: isMap ? ["row", "column", titleOf(shown[0].colorbar, "value")] : ["series", ...heads, "error", "label"],
    rows: shown.flatMap((trace) => (trace.type === "heatmap" ? cells(trace, layout) : points(trace, layout))),
  };
}

function cells(trace, layout) {
  const [x, y] = ["x", "y"].map((letter) => axisOf(layout, letter, trace));
  return trace.z.flatMap((row, i) => row.map((value, k) => [
    valueAt(y, trace.y?.[i] ?? i), valueAt(x, trace.x?.[k] ?? k), value,
  ]));
}

function points(trace, layout) {
  const [x, y] = ["x", "y"].map((letter) => axisOf(layout, letter, trace));
  const texts = trace.points?.map((one) => one.text) ?? (Array.isArray(trace.text) ? trace.text : []);
  const errors = (trace.error_x ?? trace.error_y)?.array ?? [];
  const pairs = trace.points?.map((one) => [one.x, one.y])
    ?? [...(trace.x ?? [])].map((value, i) => [value, trace.y[i]]);
  return pairs.map((pair, i) => [...pair, i])
    .filter(([value]) => value !== null)
    .map(([value, other, i]) => [
      trace.series ?? plainText(trace.name ?? ""), valueAt(x, value), valueAt(y, other), errors[i] ?? "",
      plainText(texts[i] ?? ""),
    ]);
}

const cell = (value) => (Number.isNaN(value) || value === null ? "" : String(value).replace(/[\t\r\n]+/g, " "));

export const asTsv = ({ columns, rows }) => [columns, ...rows].map((row) => `${row.map(cell).join("\t")}\n`).join("");
