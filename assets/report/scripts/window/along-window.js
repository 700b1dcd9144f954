// Figures along a promoter window: effects on top, a logo if zoomed in far enough, transcripts and cCREs below.
import { FAINT, TONE } from "../shared/colours.js";
import { axis, narrow } from "../shared/layout.js";
import { plotWidth } from "../shared/panels.js";
import { letterShapes, logoAxis, logoTrace } from "./logo.js";
import { tracks } from "./tracks.js";
import { showView, viewOf } from "./views.js";

const GAP = 14; // pixels between parts
const TRACK_ROW = 26;
const X_TITLE = "bases from the TSS, on the gene's strand";

// main: traces. letters: those of the logo, or null. yOwn: further properties of the main axis.
export function alongWindow(name, { locus, whole, main, yTitle, letters = null, logoTitle, yOwn = {} }) {
  const range = viewOf(name) || whole;
  showView(name);
  const below = locus ? tracks(locus, range, plotWidth(name)) : null;
  const { height, domain } = arrange(below, letters);
  const bottomAxis = below ? "y2" : letters ? "y3" : "y";
  const figure = {
    traces: [...main, ...(below ? below.traces : [])],
    layout: {
      height: height + 96, margin: { l: 10, r: 14, t: 44, b: 44 }, barmode: "overlay", hoverdistance: 12,
      xaxis: axis(X_TITLE, { range: [...range], anchor: bottomAxis, tickformat: ",d", showgrid: false }),
      yaxis: axis(yTitle, { domain: domain.main, fixedrange: true, zeroline: true, zerolinecolor: FAINT, ...yOwn }),
      shapes: [TSS_LINE],
      annotations: range[0] <= 0 && range[1] >= 0 ? [tssLabel()] : [],
    },
  };
  if (below) figure.layout.yaxis2 = trackAxis(below, domain.tracks);
  if (letters) addLogo(figure, letters, logoTitle, domain.logo);
  return figure;
}

const TSS_LINE = {
  type: "line", x0: 0, x1: 0, yref: "paper", y0: 0, y1: 1, layer: "below",
  line: { color: FAINT, width: 1, dash: "dot" },
};
const tssLabel = () => ({
  text: "TSS", x: 0, yref: "paper", y: 1, yanchor: "bottom", showarrow: false, font: { size: 10, color: TONE.soft },
});

// Total height in pixels, and the fraction that each part takes; tracks at the bottom, `main` on top.
function arrange(below, letters) {
  const heights = {
    tracks: below ? TRACK_ROW * (below.rows + (below.ccres ? 1 : 0)) + 6 : 0,
    logo: letters ? 110 : 0,
    main: narrow() ? 210 : 270,
  };
  const domain = {};
  let at = 0;
  for (const [part, height] of Object.entries(heights).filter(([, pixels]) => pixels)) {
    domain[part] = [at, at + height];
    at += height + GAP;
  }
  const total = at - GAP;
  return { height: total, domain: mapValues(domain, (ends) => ends.map((end) => end / total)) };
}

const mapValues = (object, f) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, f(value)]));

function trackAxis({ rows, ccres }, domain) {
  return axis("", {
    domain, range: [ccres ? -0.35 : 0.45, rows + 0.65], fixedrange: true, showgrid: false, showticklabels: false,
    ticks: "",
  });
}

function addLogo({ traces, layout }, letters, title, domain) {
  layout.yaxis3 = logoAxis(letters, title, { domain, anchor: "x" });
  layout.shapes = [...layout.shapes, ...letterShapes(letters, "y3")];
  traces.push(logoTrace(layout.xaxis.range[0], "y3"));
}
