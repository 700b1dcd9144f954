// Shared parts of Plotly's layouts.
import { FAINT, TONE, translucent } from "./colours.js";
import { shorten } from "./text.js";

const PHONE = window.matchMedia("(max-width: 639px)");

export const narrow = () => PHONE.matches;

export const onWidthChange = (then) => PHONE.addEventListener("change", then);

// Without the last two options Plotly offers a button that uploads the plot's data to its makers.
export const CONFIG = {
  responsive: true,
  displaylogo: false,
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  showSendToCloud: false,
  plotlyServerURL: "",
};

// Browsers without WebGL (remote desktops, some mail programs) draw the same points as SVG.
// WebGL is painted over SVG, so lines on top of points must have the same type.
export const POINTS = document.createElement("canvas").getContext("webgl") ? "scattergl" : "scatter";

export function axis(title, own = {}) {
  return {
    title: { text: title, standoff: 8 },
    gridcolor: TONE.line,
    zeroline: false,
    linecolor: TONE.line,
    automargin: true,
    exponentformat: "none",
    ...own,
  };
}

// One tick per label, at its index, so that labels that look like numbers or dates stay labels. `labels`, which Plotly
// does not know, has them in full for the figure's table.
const ticks = (labels) => ({
  tickmode: "array", tickvals: labels.map((_, i) => i), ticktext: labels, showgrid: false,
});

export const rowLabel = (text) => shorten(text, narrow() ? 15 : 34);

// Rows from top to bottom; a note goes below its label.
export function rowAxis(labels, notes = []) {
  const texts = labels.map((label, i) => rowLabel(label) + (notes[i] ? `<br>${notes[i]}` : ""));
  return axis("", { ...ticks(texts), labels, range: [labels.length - 0.5, -0.5], fixedrange: true });
}

export const columnLabelLength = () => (narrow() ? 14 : 26);

export function columnAxis(labels, title = "") {
  return axis(title, { ...ticks(labels.map((label) => shorten(label, columnLabelLength()))), labels, tickangle: -60 });
}

export const colourBar = (title) => ({
  thickness: 10, lenmode: "pixels", len: 180, y: 1, yanchor: "top", exponentformat: "none", title: { text: title },
});

export function figureLayout(own) {
  return {
    font: {
      family: "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif", size: narrow() ? 11 : 12.5,
      color: TONE.ink,
    },
    margin: { l: 10, r: 14, t: 40, b: 40 },
    paper_bgcolor: TONE.paper,
    plot_bgcolor: TONE.paper,
    modebar: { bgcolor: translucent(TONE.paper, 0.9), color: FAINT, activecolor: TONE.ink },
    hovermode: "closest",
    hoverlabel: { align: "left" },
    legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
    dragmode: narrow() ? false : "zoom", // on a phone a finger scrolls the page
    ...own,
  };
}
