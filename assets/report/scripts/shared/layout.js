// Shared parts of Plotly's layouts.
import { INK, LINE } from "./colours.js";
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
    gridcolor: LINE,
    zeroline: false,
    linecolor: LINE,
    automargin: true,
    exponentformat: "none",
    ...own,
  };
}

// One tick per label, at its index, so that labels that look like numbers or dates stay labels.
const ticks = (labels) => ({
  tickmode: "array", tickvals: labels.map((_, i) => i), ticktext: labels, showgrid: false,
});

export const rowLabel = (text) => shorten(text, narrow() ? 15 : 34);

// Rows from top to bottom; a note goes below its label.
export function rowAxis(labels, notes = []) {
  const texts = labels.map((label, i) => rowLabel(label) + (notes[i] ? `<br>${notes[i]}` : ""));
  return axis("", { ...ticks(texts), range: [labels.length - 0.5, -0.5], fixedrange: true });
}

export const columnLabelLength = () => (narrow() ? 14 : 26);

export function columnAxis(labels, title = "") {
  return axis(title, { ...ticks(labels.map((label) => shorten(label, columnLabelLength()))), tickangle: -60 });
}

export const colourBar = (title) => ({
  thickness: 10, lenmode: "pixels", len: 180, y: 1, yanchor: "top", exponentformat: "none", title: { text: title },
});

export function figureLayout(own) {
  return {
    font: {
      family: "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif", size: narrow() ? 11 : 12.5, color: INK,
    },
    margin: { l: 10, r: 14, t: 40, b: 40 },
    modebar: { bgcolor: "rgba(255,255,255,0.9)", color: "#b3bac2", activecolor: INK },
    hovermode: "closest",
    hoverlabel: { align: "left" },
    legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
    dragmode: narrow() ? false : "zoom", // on a phone a finger scrolls the page
    ...own,
  };
}
