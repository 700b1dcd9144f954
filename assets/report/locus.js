// What figures along a gene's window share: stems of effects, letters of a logo, transcripts and cCREs, and zooming.

const UP = "#0072B2", DOWN = "#D55E00";
const DIVERGING = [[0, "#a63c00"], [0.25, "#e89a5c"], [0.5, "#f7f7f7"], [0.75, "#6aaed6"], [1, "#00507d"]];
const LOGO_BASES = 120; // bases in view below which a logo is drawn
const signed = (value, digits = 3) => (!Number.isFinite(value) ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : ""}${Number(Math.abs(value).toPrecision(digits))}`);
const size = (value) => signed(value, 2).replace("+", "");
const place = (distance) => (distance > 0 ? `+${count(distance)}` : count(distance).replace("-", "−"));
const plotWidth = (name) => panels.get(name).querySelector(".plot").clientWidth;

// The genome's position of a distance from the TSS.
function onGenome(locus, distance) {
  return locus ? `${safe(locus.chrom)}:${count(locus.strand === "-" ? locus.tss - distance : locus.tss + distance)}` : "";
}

// ---------------------------------------------------------------- letters

const LETTER_COLOURS = { A: "#109648", C: "#255c99", G: "#e6a117", T: "#d62839", N: FAINT };

// Points of a part of an ellipse around the middle of the unit square; angles in degrees.
function arc(rx, ry, from, to) {
  return Array.from({ length: 19 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 18) * Math.PI) / 180;
    return [0.5 + rx * Math.cos(angle), 0.5 + ry * Math.sin(angle)];
  });
}

// Letters as outlines in the unit square; a second outline is a hole.
const GLYPHS = {
  A: [[[0, 0], [0.38, 1], [0.62, 1], [1, 0], [0.78, 0], [0.7, 0.23], [0.3, 0.23], [0.22, 0]], [[0.36, 0.4], [0.64, 0.4], [0.5, 0.8]]],
  C: [[...arc(0.5, 0.5, 40, 320), ...arc(0.29, 0.34, 320, 40)]],
  G: [[...arc(0.5, 0.5, 40, 322), [0.96, 0.19], [0.96, 0.54], [0.52, 0.54], [0.52, 0.39], [0.76, 0.39], [0.76, 0.27], ...arc(0.29, 0.34, 318, 40)]],
  T: [[[0, 1], [1, 1], [1, 0.82], [0.61, 0.82], [0.61, 0], [0.39, 0], [0.39, 0.82], [0, 0.82]]],
};

// Letters [{letter, x, from, to}] around positions x and between two heights, as a shape a colour.
function letterShapes(letters, yref) {
  const outline = ({ letter, x, from, to }) => GLYPHS[letter].map((ring) =>
    `${ring.map(([u, v], i) => `${i ? "L" : "M"}${(x - 0.46 + 0.92 * u).toFixed(3)},${(from + (to - from) * v).toPrecision(5)}`).join("")}Z`).join("");
  return Object.keys(GLYPHS).map((letter) => ({ letter, path: letters.filter((one) => one.letter === letter && one.from !== one.to).map(outline).join("") }))
    .filter(({ path }) => path)
    .map(({ letter, path }) => ({ type: "path", path, xref: "x", yref, fillcolor: LETTER_COLOURS[letter], line: { width: 0 }, layer: "above" }));
}

// A logo of importances: letters above the line where positive, below where negative.
function importanceLetters(bases, importance, distances) {
  return bases.map((letter, i) => ({ letter, x: distances[i], from: Math.min(importance[i], 0), to: Math.max(importance[i], 0) }))
    .filter((one) => GLYPHS[one.letter] && Number.isFinite(one.from + one.to));
}

function logoAxis(letters, title, extra = {}) {
  const top = Math.max(0, ...letters.map((one) => one.to)), bottom = Math.min(0, ...letters.map((one) => one.from));
  const pad = (top - bottom || 1) * 0.06;
  return axis(title, { range: [bottom - pad, top + pad], fixedrange: true, zeroline: true, zerolinecolor: FAINT, showgrid: false, nticks: 4, ...extra });
}

// ---------------------------------------------------------------- stems

// Effects as lines from 0, one trace up and one down. points: [{x, y, text}]; without names they are but a background.
function stems(points, width, colours, names = []) {
  return [points.filter((one) => one.y > 0), points.filter((one) => one.y < 0)].map((side, k) => ({
    mode: "lines", name: names[k], showlegend: side.length > 0 && names.length > 0, x: side.flatMap(({ x }) => [x, x, null]), y: side.flatMap(({ y }) => [0, y, null]),
    text: side.flatMap(({ text }) => ["", text, ""]), hoverinfo: names.length ? "text" : "skip", line: { color: colours[k], width, simplify: false },
  }));
}

// Pixels of a stem, so that neighbours touch but do not cover each other.
const stemWidth = (name, [from, to]) => Math.min(16, Math.max(1, (0.7 * plotWidth(name)) / (to - from)));

// ---------------------------------------------------------------- transcripts and cCREs

// Lanes of transcripts that do not overlap, so much room for a name included.
function lanes(transcripts, room) {
  const ends = [];
  return transcripts.map(({ span: [from, to] }) => {
    const free = ends.findIndex((end) => end < from);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = Math.max(to, from + room);
    return lane;
  });
}

// Traces of what lies in a locus on axis y2, and how many rows they take.
function tracks(locus, [from, to], width) {
  const perBase = width / (to - from);
  const seen = locus.transcripts.filter(({ span }) => span[0] <= to && span[1] >= from).sort((a, b) => a.span[0] - b.span[0])
    .map((one) => ({ ...one, name: DATA.names[one.gene], own: one.gene === locus.gene, span: [Math.max(one.span[0], from), Math.min(one.span[1], to)] }));
  const lane = lanes(seen, 110 / perBase);
  const rows = Math.min(Math.max(0, ...lane.map((one) => one + 1)), 5);
  const kept = seen.map((one, i) => ({ ...one, y: rows - 1 - lane[i] + 1 })).filter((one) => one.y > 0);
  const bar = (boxes, thickness, colour) => ({
    type: "bar", orientation: "h", yaxis: "y2", showlegend: false, hoverinfo: "text", base: boxes.map(({ span }) => span[0] - 0.5),
    x: boxes.map(({ span }) => span[1] - span[0] + 1), y: boxes.map(({ y }) => y - 0.12), width: thickness, text: boxes.map(({ text }) => text), textposition: "none",
    marker: { color: colour ?? boxes.map(({ own }) => (own ? INK : FAINT)), line: { width: 0 } },
  });
  const text = ({ name, same_strand: same }) => `${safe(name)}, ${same ? "the gene's strand" : "the other strand"}`;
  const boxes = (what) => kept.flatMap((one) => one[what].map((span) => ({ span, y: one.y, own: one.own, text: text(one) })));
  const ccres = locus.ccres.filter(([a, b]) => a <= to && b >= from)
    .map(([a, b, name]) => ({ span: [a, b], y: 0.12, text: `${name ? `${safe(name)}<br>` : "cCRE "}${place(a)} to ${place(b)}` }));
  const traces = [
    bar(kept.map((one) => ({ span: one.span, y: one.y, own: one.own, text: text(one) })), 0.06), bar(boxes("exons"), 0.26), bar(boxes("coding"), 0.46),
    { mode: "text", yaxis: "y2", showlegend: false, hoverinfo: "skip", cliponaxis: true, x: kept.map(({ span }) => span[0]), y: kept.map(({ y }) => y + 0.36), textposition: "middle right",
      text: kept.map((one) => (one.same_strand ? `${short(one.name, 18)} →` : `← ${short(one.name, 18)}`)), textfont: { size: 10, color: kept.map(({ own }) => (own ? INK : FAINT)) } },
  ];
  return { traces: [...traces, ...(ccres.length ? [bar(ccres, 0.5, "#9aa3ad")] : [])], rows, ccres: ccres.length > 0 };
}

// ---------------------------------------------------------------- figures along the window

// The stretch in view of a figure; absent where the whole window is.
const views = new Map();

const VIEWS = [["whole window"], ["2,000 bases around the TSS", [-1000.5, 1000.5]], ["200 bases", [-100.5, 100.5]], ["100 bases", [-50.5, 50.5]]];

// Fills the control of a figure's views, [name, range] each; after zooming by hand it says none of them.
function wireViews(name, offered = () => VIEWS) {
  const select = control(name, "View");
  select.offered = offered;
  fill(select, [...offered().map(([label]) => label), "as zoomed"]);
  select.lastChild.disabled = true;
  onChange(name, "View", () => zoomTo(name, offered()[select.selectedIndex][1]));
}

function zoomTo(name, range) {
  if (range) views.set(name, range);
  else views.delete(name);
  draw(name);
}

function tellView(name) {
  const select = control(name, "View"), range = views.get(name);
  const at = select.offered().findIndex(([, [from, to] = []]) => from === range?.[0] && to === range?.[1]);
  select.selectedIndex = at < 0 ? select.length - 1 : at;
}

function zooming(name) {
  return {
    plotly_relayout: (change) => {
      if (change["xaxis.range[0]"] !== undefined) zoomTo(name, [change["xaxis.range[0]"], change["xaxis.range[1]"]]);
      else if (change["xaxis.autorange"]) zoomTo(name);
    },
    plotly_doubleclick: () => setTimeout(() => zoomTo(name)),
  };
}

// A figure along a window: `main` traces on top, `letters` of a logo where near enough, transcripts and cCREs beneath.
function alongWindow(name, { locus, whole, main, yTitle, letters, logoTitle, yExtra = {} }) {
  const range = views.get(name) || whole;
  tellView(name);
  const below = locus ? tracks(locus, range, plotWidth(name)) : { traces: [], rows: 0, ccres: false };
  const heights = { main: narrow() ? 210 : 270, logo: letters ? 110 : 0, tracks: below.traces.length ? 26 * (below.rows + (below.ccres ? 1 : 0)) + 6 : 0 };
  const gap = 14, total = heights.main + (letters ? heights.logo + gap : 0) + (heights.tracks ? heights.tracks + gap : 0);
  const bottom = { tracks: 0, logo: heights.tracks ? heights.tracks + gap : 0, main: total - heights.main };
  const domain = (what) => [bottom[what] / total, (bottom[what] + heights[what]) / total];
  const shapes = [{ type: "line", x0: 0, x1: 0, yref: "paper", y0: 0, y1: 1, layer: "below", line: { color: FAINT, width: 1, dash: "dot" } }];
  const made = {
    traces: [...main, ...below.traces],
    layout: {
      height: total + 96, margin: { l: 10, r: 14, t: 44, b: 44 }, barmode: "overlay", hoverdistance: 12,
      xaxis: axis("bases from the TSS, on the gene's strand", { range: [...range], anchor: heights.tracks ? "y2" : letters ? "y3" : "y", tickformat: ",d", showgrid: false }),
      yaxis: axis(yTitle, { domain: domain("main"), fixedrange: true, zeroline: true, zerolinecolor: FAINT, ...yExtra }),
      shapes,
      annotations: [{ text: "TSS", x: 0, yref: "paper", y: 1, yanchor: "bottom", showarrow: false, font: { size: 10, color: FAINT } }],
    },
  };
  if (range[0] > 0 || range[1] < 0) made.layout.annotations = [];
  if (heights.tracks) {
    const low = below.ccres ? -0.35 : 0.45;
    made.layout.yaxis2 = axis("", { domain: domain("tracks"), range: [low, below.rows + 0.65], fixedrange: true, showgrid: false, showticklabels: false, ticks: "" });
  }
  if (letters) {
    made.layout.yaxis3 = logoAxis(letters, logoTitle, { domain: domain("logo"), anchor: "x" });
    shapes.push(...letterShapes(letters, "y3"));
    made.traces.push({ x: [range[0]], y: [0], yaxis: "y3", mode: "markers", marker: { opacity: 0 }, hoverinfo: "skip", showlegend: false });
  }
  return made;
}
