// Draws the report's plots from the JSON in #report-data, one after another while the page is idle.
// report.py joins the scripts of this folder into one function, this one first; the others add sections to it.

const DATA = JSON.parse(document.getElementById("report-data").textContent);
const INK = "#1d2733", FAINT = "#8a8f98", LINE = "#e3e6ea";
const LEVEL_COLOURS = ["#0072B2", "#56B4E9", "#8A8F98", "#CC79A7", "#E69F00"];
const PARENT_COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8A8F98", "#6A4C93"];
const PARENT_SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x"];
// Without the last two plotly offers a button that uploads the plot's data to its makers.
const CONFIG = {
  responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]], showSendToCloud: false, plotlyServerURL: "",
};
// Browsers without WebGL (remote desktops, some mails) draw the same points as SVG.
// WebGL is painted over SVG, so that lines on points are of the same kind.
const POINTS = document.createElement("canvas").getContext("webgl") ? "scattergl" : "scatter";

// ---------------------------------------------------------------- text and numbers

// Plotly reads a subset of HTML in every text: a label must not be one.
const safe = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const narrow = () => window.innerWidth < 640;
const short = (text, most) => {
  const letters = Array.from(String(text));
  return safe(letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text);
};
const rowLabel = (text) => short(text, narrow() ? 15 : 34);
const number = (value, digits = 2) =>
  Number.isFinite(value) ? value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1").replace("-", "−") : "–";
const pValue = (p) => (!Number.isFinite(p) ? "–" : p >= 0.001 ? String(Number(p.toPrecision(2))) : p.toExponential(1));
const count = (value) => value.toLocaleString("en");
const finite = (values) => values.filter(Number.isFinite);

function median(values) {
  const sorted = finite(values).sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return !sorted.length ? NaN : sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function pearson(x, y) {
  const pairs = x.map((value, i) => [value, y[i]]).filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
  const mean = (k) => pairs.reduce((sum, pair) => sum + pair[k], 0) / pairs.length;
  const [mx, my] = [mean(0), mean(1)];
  const sum = (f) => pairs.reduce((total, [a, b]) => total + f(a - mx, b - my), 0);
  return sum((a, b) => a * b) / Math.sqrt(sum((a) => a * a) * sum((_, b) => b * b));
}

// The inverse of pack() in gene_figures.py.
function unpack({ low, step, codes }) {
  const bytes = Uint8Array.from(atob(codes), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 2 }, (_, i) => {
    const code = view.getUint16(2 * i, true);
    return code === 65535 ? NaN : low + code * step;
  });
}

const colourOf = (network) => DATA.networks.find((one) => one.network === network).colour;
const translucent = (hex, alpha) => `rgba(${[1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(",")},${alpha})`;

// ---------------------------------------------------------------- panels

const panels = new Map([...document.querySelectorAll("[data-plot]")].map((panel) => [panel.dataset.plot, panel]));
const drawn = new Set();
const control = (name, what) => panels.get(name).querySelector(`[data-control="${what}"]`);
const chosen = (name, what) => Math.max(0, control(name, what).selectedIndex);

function fill(select, labels, start = 0) {
  select.replaceChildren(...labels.map((label) => Object.assign(document.createElement("option"), { textContent: label })));
  select.selectedIndex = labels.length ? start : -1;
  select.parentElement.hidden = labels.length < 2;
}

function axis(title, extra = {}) {
  return { title: { text: title, standoff: 8 }, gridcolor: LINE, zeroline: false, linecolor: LINE, automargin: true, exponentformat: "none", ...extra };
}

const colourBar = (title) => ({ thickness: 10, lenmode: "pixels", len: 180, y: 1, yanchor: "top", exponentformat: "none", title: { text: title } });

// One axis position a row, so that labels that look like numbers or dates stay labels; notes go below them.
function rowAxis(labels, notes = []) {
  return axis("", {
    tickmode: "array", tickvals: labels.map((_, i) => i), ticktext: labels.map((label, i) => rowLabel(label) + (notes[i] ? `<br>${notes[i]}` : "")),
    range: [labels.length - 0.5, -0.5], showgrid: false, fixedrange: true,
  });
}

function layout(own) {
  return {
    font: { family: "system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif", size: narrow() ? 11 : 12.5, color: INK },
    margin: { l: 10, r: 14, t: 40, b: 40 },
    modebar: { bgcolor: "rgba(255,255,255,0.9)", color: "#b3bac2", activecolor: INK }, hovermode: "closest", hoverlabel: { align: "left" },
    legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
    dragmode: narrow() ? false : "zoom", // on a phone a finger scrolls the page
    ...own,
  };
}

// A builder returns {traces, layout, title} or, where there is nothing to draw, a sentence; "" hides the panel.
function draw(name) {
  drawn.add(name);
  const panel = panels.get(name), plot = panel.querySelector(".plot"), title = panel.querySelector(".plot-title");
  const made = builders[name]();
  const blank = typeof made === "string";
  panel.hidden = made === "";
  panel.classList.toggle("blank", blank);
  plot.classList.toggle("empty", blank);
  title.hidden = blank || !made.title;
  if (blank) {
    Plotly.purge(plot);
    plot.listening = false;
    plot.textContent = made;
    return;
  }
  title.textContent = made.title || "";
  if (!plot.classList.contains("js-plotly-plot")) plot.textContent = "";
  plot.style.minHeight = "0";
  Plotly.react(plot, made.traces, layout(made.layout), { ...CONFIG, displayModeBar: narrow() ? false : "hover" });
  if (listeners[name] && !plot.listening) {
    plot.listening = true;
    Object.entries(listeners[name]).forEach(([event, then]) => plot.on(event, then));
  }
}

const redraw = (...names) => names.filter((name) => drawn.has(name)).forEach(draw);

// ---------------------------------------------------------------- boxes with all their points

// rows: labels. groups: [{name, colour, values: [[…] a row], texts: [[…] a row]}], drawn side by side in each row.
function boxes(rows, groups, xTitle, extra = []) {
  const traces = groups.map((group) => ({
    type: "box", orientation: "h", name: short(group.name, 24), offsetgroup: group.name, boxpoints: "all", jitter: 0.6, pointpos: 0,
    x: group.values.flat(), y: group.values.flatMap((values, row) => values.map(() => row)), text: group.texts.flat().map(safe),
    hoveron: "points", hoverinfo: "text", marker: { size: 4, opacity: 0.65, color: group.colour },
    line: { width: 1.3, color: group.colour }, fillcolor: translucent(group.colour, 0.16),
  }));
  const height = rows.length * (groups.length * 17 + 12) + 120;
  const x = axis(xTitle, { fixedrange: narrow() });
  // Every other row on a band, so that the eye keeps to its row.
  const shapes = rows.map((_, i) => i).filter((i) => i % 2 === 0).map((i) => ({
    type: "rect", xref: "paper", x0: 0, x1: 1, y0: i - 0.5, y1: i + 0.5, layer: "below", fillcolor: "#f4f6f8", line: { width: 0 },
  }));
  return { traces: [...traces, ...extra], layout: { boxmode: "group", boxgap: 0.2, boxgroupgap: 0.12, height, shapes, xaxis: x, yaxis: rowAxis(rows) } };
}

// Rows by the median of their first group, best first, as indices.
function bestFirst(rows, values) {
  const middle = values.map(median);
  return rows.map((_, i) => i).sort((a, b) => (middle[b] || -1) - (middle[a] || -1));
}

function foldTexts(rows, folds, values, name) {
  return values.map((row, i) => row.map((r, k) => `${rows[i]} · ${name} · fold ${folds[k]}: ${number(r, 3)}`));
}

// ---------------------------------------------------------------- builders

// Lines of many replicates as one trace: a gap (null) ends each.
const joined = (runs, get) => runs.flatMap((run) => [...get(run), null]);

function meanLine(runs, what) {
  const sums = new Map();
  runs.forEach((run) => run.epoch.forEach((epoch, i) => {
    const [n, total] = sums.get(epoch) || [0, 0];
    if (Number.isFinite(run[what][i])) sums.set(epoch, [n + 1, total + run[what][i]]);
  }));
  const epochs = [...sums.keys()].sort((a, b) => a - b);
  return { x: epochs, y: epochs.map((epoch) => sums.get(epoch)[1] / sums.get(epoch)[0]) };
}

function training() {
  if (!DATA.training.length) return "No learning curves: this run trained no network.";
  const { runs } = DATA.training[chosen("training", "Model")];
  const traces = [["train", "training", "#009E73"], ["validation", "validation", "#0072B2"]].flatMap(([what, name, colour]) => [
    { mode: "lines", name, x: joined(runs, (run) => run.epoch), y: joined(runs, (run) => run[what]), legendgroup: name, showlegend: false,
      hoverinfo: "skip", line: { width: 0.8, color: translucent(colour, runs.length > 30 ? 0.2 : 0.4) } },
    { mode: "lines", name: `${name}, mean`, ...meanLine(runs, what), legendgroup: name, line: { width: 3, color: colour },
      hovertemplate: `epoch %{x}: ${name} %{y:.3f}<extra></extra>` },
  ]);
  const kept = runs.flatMap((run) => run.kept.map((epoch) => ({ run, epoch, loss: run.validation[run.epoch.indexOf(epoch)] })));
  traces.push({
    mode: "markers", name: "epoch kept", x: kept.map((one) => one.epoch), y: kept.map((one) => one.loss), hoverinfo: "text",
    text: kept.map(({ run, epoch, loss }) => `fold ${run.fold} · replicate ${run.replicate}: epoch ${epoch} kept, ${number(loss, 3)}`),
    marker: { symbol: "circle-open", size: 6, color: "#D55E00", opacity: 0.8 },
  });
  return { traces, layout: { height: 420, xaxis: axis("epoch"), yaxis: axis("loss") } };
}

// The paper's Fig. 1C–E: folds where a level is a single population, else the populations' medians.
function levels() {
  if (!DATA.performance.length) return "No scores: no model was evaluated in this run.";
  const rows = DATA.performance.map((level) => {
    const [n, folds] = [level.populations.length, level.folds.length];
    return { ...level, note: n > 1 ? `${n} populations` : folds > 1 ? `${folds} folds` : "1 fold" };
  });
  const groups = networksOf(rows).map((network) => {
    const found = rows.map((row) => row.networks.find((one) => one.network === network));
    return {
      name: network, colour: colourOf(network),
      values: found.map((one) => (!one ? [] : one.pearson.length > 1 ? one.pearson.map(median) : one.pearson[0])),
      texts: found.map((one, i) => (!one ? [] : one.pearson.length > 1
        ? rows[i].populations.map((label, k) => `${label} · ${network}: median ${number(median(one.pearson[k]), 3)}`)
        : foldTexts(rows[i].populations, rows[i].folds, one.pearson, network)[0])),
    };
  });
  const made = boxes(rows.map((row) => row.name), groups, "Pearson r");
  made.layout.yaxis = narrow()
    ? rowAxis(rows.map((row) => row.level), rows.map((row) => rowLabel(row.atlas)))
    : rowAxis(rows.map((row) => row.name), rows.map((row) => row.note));
  return made;
}

function networksOf(rows) {
  return DATA.networks.map((one) => one.network).filter((network) => rows.some((row) => row.networks.some((one) => one.network === network)));
}

function performance() {
  if (!DATA.performance.length) return "No scores: no model was evaluated in this run.";
  const level = DATA.performance[chosen("performance", "Level")];
  const shown = level.networks;
  const order = bestFirst(level.populations, shown[0].pearson);
  const rows = order.map((i) => level.populations[i]);
  const groups = shown.map(({ network, pearson: all }) => {
    const values = order.map((i) => all[i]);
    return { name: network, colour: colourOf(network), values, texts: foldTexts(rows, level.folds, values, network) };
  });
  const ceilings = order.map((i) => level.ceilings[i]);
  const bars = {
    mode: "markers", name: "noise ceiling", x: ceilings, y: rows.map((_, i) => i), hoverinfo: "text",
    text: rows.map((label, i) => `${safe(label)} · noise ceiling ${number(ceilings[i], 3)}`),
    marker: { symbol: "line-ns-open", size: 8 + 7 * groups.length, color: INK, line: { width: 2.5, color: INK } },
  };
  const made = boxes(rows, groups, "Pearson r", finite(ceilings).length ? [bars] : []);
  const middle = median(groups[0].values.map(median));
  made.layout.shapes.push({ type: "line", x0: middle, x1: middle, yref: "paper", y0: 0, y1: 1, layer: "below", line: { color: FAINT, width: 1.5 } });
  made.title = `${level.name}: median over populations ${number(middle)} (${groups[0].name})`;
  table("performance", performanceColumns(level, shown), order);
  return made;
}

function performanceColumns(level, shown) {
  return [
    { head: "Population", cell: (i) => level.populations[i] },
    ...shown.map(({ network, pearson: all }) => ({ head: network, numeric: true, cell: (i) => median(all[i]), digits: 3 })),
    { head: "Noise ceiling", numeric: true, cell: (i) => level.ceilings[i], digits: 3 },
  ];
}

function coarse() {
  if (!DATA.coarse.length) return "No coarser level predicts a finer one in this run.";
  const level = DATA.coarse[chosen("coarse", "Level")];
  const order = bestFirst(level.populations, level.models[0].pearson);
  const rows = order.map((i) => level.populations[i]);
  const groups = level.models.map((model, k) => {
    const values = order.map((i) => model.pearson[i]);
    const name = `model of ${model.level}`;
    return { name, colour: LEVEL_COLOURS[k % LEVEL_COLOURS.length], values, texts: foldTexts(rows, level.folds, values, name) };
  });
  table("coarse", [
    { head: "Population", cell: (row) => row.target_population },
    { head: "Model of", cell: (row) => row.model_level },
    { head: "Median", numeric: true, cell: (row) => row.median_pearson, digits: 3 },
    { head: "Model of", cell: (row) => row.other_level },
    { head: "Median", numeric: true, cell: (row) => row.other_median_pearson, digits: 3 },
    { head: "Δ", numeric: true, cell: (row) => row.delta, digits: 3 },
    { head: "p", numeric: true, cell: (row) => row.p_value, format: pValue },
  ], level.comparisons);
  const made = boxes(rows, groups, "Pearson r");
  if (!narrow()) made.layout.annotations = rows.map((label, y) => deltaNote(level, label, y));
  made.layout.margin = { l: 10, r: narrow() ? 14 : 150, t: 40, b: 40 };
  return made;
}

// Right of each row: what the finest model gains over the next coarser one.
function deltaNote(level, label, y) {
  const [finest, coarser] = level.models.map((model) => model.level);
  const test = level.comparisons.find((row) => row.target_population === label && row.model_level === finest && row.other_level === coarser);
  const sign = test && test.delta >= 0 ? "+" : "";
  const text = test ? `Δ ${sign}${number(test.delta, 3)}, p ${pValue(test.p_value)}` : "";
  return { text, xref: "paper", x: 1.01, xanchor: "left", y, showarrow: false, font: { size: 11, color: test && test.p_value < 0.05 ? INK : FAINT } };
}

function transfer() {
  if (!DATA.transfer.length) return "No model was asked to predict a population other than its own in this run.";
  const { populations, models, median: z } = DATA.transfer[chosen("transfer", "Level")];
  const most = narrow() ? 14 : 26;
  const cell = narrow() ? 15 : 20;
  const width = Math.max(panels.get("transfer").querySelector(".plot").clientWidth, models.length * cell + 8 * most + 90);
  const text = z.map((row, i) => row.map((r, k) => `${safe(models[k])} predicts ${safe(populations[i])}: ${number(r, 3)}`));
  return {
    traces: [{ type: "heatmap", z, text, hoverinfo: "text", colorscale: "Cividis", xgap: 1, ygap: 1, colorbar: colourBar("r") }],
    layout: {
      width, height: populations.length * 22 + 7 * most + 90, margin: { l: 10, r: 10, t: 40, b: 40 },
      xaxis: axis("model of", { tickmode: "array", tickvals: models.map((_, i) => i), ticktext: models.map((label) => short(label, most)), tickangle: -60, showgrid: false }),
      yaxis: { ...rowAxis(populations), title: { text: "predicted population" } },
      shapes: populations.map((_, i) => ({ type: "rect", x0: i - 0.5, x1: i + 0.5, y0: i - 0.5, y1: i + 0.5, line: { color: "#D55E00", width: 2 } })),
    },
  };
}

function scatter() {
  if (!DATA.predictions.length) return "No predictions in this run.";
  const level = DATA.predictions[chosen("scatter", "Level")];
  const model = level.networks[chosen("scatter", "Network")];
  const k = chosen("scatter", "Population");
  if (!model.predicted || !level.observed) return "No predictions of this model.";
  const x = unpack(level.observed[k]).slice(0, level.drawn), y = unpack(model.predicted[k]).slice(0, level.drawn);
  const ends = [...x, ...y].filter(Number.isFinite);
  const range = [ends.reduce((a, b) => Math.min(a, b), 0) - 0.2, ends.reduce((a, b) => Math.max(a, b), 0) + 0.2];
  const part = level.drawn < level.total ? `; a random ${count(level.drawn)} drawn` : "";
  return {
    title: `${level.populations[k]} · ${model.network}: Pearson r = ${number(model.pearson[k])} over ${count(model.n[k])} held-out genes${part}`,
    traces: [
      { type: POINTS, mode: "lines", x: range, y: range, hoverinfo: "skip", line: { color: FAINT, width: 1, dash: "dot" } },
      { type: POINTS, mode: "markers", x, y, text: level.genes.slice(0, level.drawn).map((gene) => safe(DATA.names[gene])),
        hovertemplate: "%{text}<br>observed %{x:.2f}<br>predicted %{y:.2f}<extra></extra>",
        marker: { size: 4, color: colourOf(model.network), opacity: level.drawn > 1000 ? 0.35 : 0.6 } },
    ],
    layout: {
      height: narrow() ? 380 : 560, showlegend: false, margin: { l: 10, r: 14, t: 10, b: 40 },
      xaxis: axis("observed, log10", { range, constrain: "domain" }), yaxis: axis("predicted, log10", { range, scaleanchor: "x", constrain: "domain" }),
    },
  };
}

// ---------------------------------------------------------------- genes

const currentGenes = () => DATA.genes[chosen("variance", "Level")];
const currentNetwork = () => currentGenes().networks[chosen("variance", "Network")].network;
let currentGene;

function variance() {
  if (!DATA.genes.length) return "Correlation across populations needs a level of several populations; this run has none.";
  const level = currentGenes(), shown = level.networks[chosen("variance", "Network")];
  const x = unpack(level.log_variance).map((value) => 10 ** value), y = unpack(shown.pearson);
  const at = level.genes.indexOf(currentGene);
  return {
    title: `${level.name} · ${shown.network}: ${count(finite(y).length)} genes, median r = ${number(median(y))}`,
    traces: [
      { type: POINTS, mode: "markers", name: "gene", showlegend: false, x, y, customdata: level.genes, text: level.genes.map((gene) => safe(DATA.names[gene])),
        hovertemplate: "%{text}<br>variance %{x:.3g}<br>r %{y:.2f}<extra></extra>",
        marker: { size: 4, color: FAINT, opacity: x.length > 3000 ? 0.22 : 0.45 } },
      ...level.networks.map(({ network, trend }) => ({
        type: POINTS, mode: "lines", name: short(network, 24), x: trend.map((point) => point[0]), y: trend.map((point) => point[1]),
        line: { color: colourOf(network), width: network === shown.network ? 4 : 2 }, hoverinfo: "skip",
      })),
      ...(at < 0 ? [] : [{ type: POINTS, mode: "markers+text", showlegend: false, x: [x[at]], y: [y[at]], text: [short(DATA.names[currentGene], 20)], textposition: x[at] > median(x) ? "top left" : "top right",
        hoverinfo: "skip", marker: { symbol: "circle-open", size: 12, color: INK, line: { width: 2 } } }]),
    ],
    layout: { height: 460, xaxis: axis("variance across populations", { type: "log", exponentformat: "power" }), yaxis: axis("Pearson r across populations", { range: [-1.08, 1.15] }) },
  };
}

function topTable(level) {
  const row = new Map(level.genes.map((gene, i) => [gene, i]));
  const variances = unpack(level.log_variance);
  table("top", [
    { head: "Gene", cell: (gene) => DATA.names[gene] },
    { head: "Variance", numeric: true, cell: (gene) => 10 ** variances[row.get(gene)] },
    ...level.networks.map((one) => {
      const values = unpack(one.pearson);
      return { head: `r, ${one.network}`, numeric: true, cell: (gene) => values[row.get(gene)] };
    }),
  ], level.top, showGene);
}

function showGene(gene) {
  currentGene = gene;
  document.getElementById("gene").value = DATA.names[gene];
  document.querySelectorAll('[data-table="top"] .pick').forEach((line) => line.classList.toggle("here", line.entry === gene));
  redraw("variance", "gene", "gene-scatter");
}

// {level, network, populations, parents, observed, predicted, sd} of the chosen gene, or a sentence where the page has none.
function geneValues() {
  if (!DATA.genes.length) return "No level of several populations to show a gene in.";
  const level = DATA.predictions.find((one) => one.name === currentGenes().name);
  if (!level) return "No predictions of this level.";
  const at = level.genes.indexOf(currentGene);
  if (at < 0) {
    return `${DATA.names[currentGene] ?? "This gene"} is not among the genes whose values this page holds `
      + `(a random ${count(level.drawn)} and the most variable); its values are in the run's predictions folder.`;
  }
  const model = level.networks.find((one) => one.network === currentNetwork()) || level.networks[0];
  const pick = (vectors) => (vectors ? vectors.map((vector) => unpack(vector)[at]) : null);
  return { ...level, network: model.network, observed: pick(level.observed), predicted: pick(model.predicted), sd: pick(model.sd) };
}

function gene() {
  const one = geneValues();
  if (typeof one === "string") return one;
  const order = one.populations.map((_, i) => i).sort((a, b) => one.observed[b] - one.observed[a]);
  const of = (values) => order.map((i) => values[i]);
  const rows = of(one.populations), observed = of(one.observed), predicted = of(one.predicted), y = rows.map((_, i) => i);
  const text = rows.map((label, i) => `${safe(label)}<br>observed ${number(observed[i])}<br>predicted ${number(predicted[i])}`);
  return {
    title: `${DATA.names[currentGene]} · ${one.network}: r = ${number(pearson(observed, predicted))} across ${rows.length} populations`,
    traces: [
      { mode: "lines", x: rows.flatMap((_, i) => [observed[i], predicted[i], null]), y: rows.flatMap((_, i) => [i, i, null]),
        hoverinfo: "skip", showlegend: false, line: { color: LINE, width: 3 } },
      { mode: "markers", name: "observed", x: observed, y, text, hoverinfo: "text", marker: { size: 9, color: INK } },
      { mode: "markers", name: "predicted", x: predicted, y, text, hoverinfo: "text", marker: { size: 9, symbol: "diamond", color: colourOf(one.network) },
        error_x: one.sd ? { type: "data", array: of(one.sd), thickness: 1, width: 3, color: colourOf(one.network) } : undefined },
    ],
    layout: { height: rows.length * 22 + 110, xaxis: axis("expression, log10"), yaxis: rowAxis(rows) },
  };
}

function geneScatter() {
  const one = geneValues();
  if (typeof one === "string") return ""; // the panel beside it says why
  const parents = [...new Set(one.parents)];
  const traces = parents.map((parent, k) => {
    const members = one.populations.map((_, i) => i).filter((i) => one.parents[i] === parent);
    return {
      mode: "markers", name: short(parent || "no parent", 24), x: members.map((i) => one.observed[i]), y: members.map((i) => one.predicted[i]),
      text: members.map((i) => `${safe(one.populations[i])}<br>observed ${number(one.observed[i])}<br>predicted ${number(one.predicted[i])}`),
      hoverinfo: "text",
      marker: { size: 10, color: PARENT_COLOURS[k % PARENT_COLOURS.length], symbol: PARENT_SYMBOLS[Math.floor(k / PARENT_COLOURS.length) % PARENT_SYMBOLS.length] },
    };
  });
  return { traces, layout: { height: 400, showlegend: parents.length > 1, xaxis: axis("observed, log10"), yaxis: axis("predicted, log10") } };
}

const builders = { training, levels, performance, coarse, transfer, scatter, variance, gene, "gene-scatter": geneScatter };
const listeners = { variance: { plotly_click: ({ points }) => points[0].customdata !== undefined && showGene(points[0].customdata) } };

// ---------------------------------------------------------------- tables

// Fills [data-table=name]: columns [{head, cell(row), numeric, digits, format}]; a click on a row calls `pick`.
function table(name, columns, rows, pick) {
  const box = document.querySelector(`[data-table="${name}"]`);
  const made = Object.assign(document.createElement("table"), { className: "sortable" });
  const headRow = made.createTHead().insertRow();
  columns.forEach(({ head, numeric }) => {
    const cell = headRow.appendChild(document.createElement("th"));
    cell.className = numeric ? "n" : "";
    cell.appendChild(Object.assign(document.createElement("button"), { type: "button", textContent: head }));
  });
  const body = made.createTBody();
  rows.forEach((row) => {
    const line = body.insertRow();
    columns.forEach((column) => fillCell(line.insertCell(), column, column.cell(row)));
    if (!pick) return;
    Object.assign(line, { className: "pick", tabIndex: 0, entry: row });
    line.addEventListener("click", () => pick(row));
    line.addEventListener("keydown", (event) => event.key === "Enter" && pick(row));
  });
  box.replaceChildren(made);
}

function fillCell(cell, { numeric, digits, format }, value) {
  cell.className = numeric ? "n" : "label";
  cell.textContent = !numeric ? value : format ? format(value) : number(value, digits);
  if (numeric) cell.dataset.value = value ?? NaN;
}

function sortBy(header) {
  const row = header.parentElement, column = [...row.children].indexOf(header), body = header.closest("table").tBodies[0];
  const falling = header.getAttribute("aria-sort") !== "descending" && (header.classList.contains("n") || header.hasAttribute("aria-sort"));
  [...row.children].forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const key = (line) => line.children[column].dataset.value ?? line.children[column].textContent;
  const compare = header.classList.contains("n")
    ? (a, b) => (Number(key(a)) - Number(key(b))) || Number.isNaN(Number(key(a))) - Number.isNaN(Number(key(b)))
    : (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
  const lines = [...body.rows].sort(compare);
  body.append(...(falling ? lines.reverse() : lines));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".sortable thead button");
  if (button) sortBy(button.parentElement);
});

// ---------------------------------------------------------------- controls

function onChange(name, what, then) {
  control(name, what).addEventListener("change", then);
}

function wire(name, what, entries, then = () => draw(name)) {
  // The level of most populations is what people come for.
  const sizes = entries.map((one) => one.populations?.length ?? 0);
  fill(control(name, what), entries.map((one) => one.name), sizes.indexOf(Math.max(...sizes)));
  onChange(name, what, then);
}

wire("training", "Model", DATA.training);
wire("performance", "Level", DATA.performance);
wire("coarse", "Level", DATA.coarse);
wire("transfer", "Level", DATA.transfer);

function fillScatter() {
  const level = DATA.predictions[chosen("scatter", "Level")];
  fill(control("scatter", "Network"), level ? level.networks.map((one) => one.network) : []);
  fill(control("scatter", "Population"), level ? level.populations : []);
}

function fillGenes() {
  const level = currentGenes();
  fill(control("variance", "Network"), level ? level.networks.map((one) => one.network) : []);
  const known = level && DATA.predictions.find((one) => one.name === level.name);
  const options = (known ? known.genes : []).map((gene) => Object.assign(document.createElement("option"), { value: DATA.names[gene] }));
  document.getElementById("gene-names").replaceChildren(...options);
  document.getElementById("gene").parentElement.hidden = !options.length;
  if (!level) return;
  topTable(level);
  showGene(level.top[0]);
}

wire("scatter", "Level", DATA.predictions, () => { fillScatter(); draw("scatter"); });
["Network", "Population"].forEach((what) => onChange("scatter", what, () => draw("scatter")));
fillScatter();

wire("variance", "Level", DATA.genes, fillGenes);
onChange("variance", "Network", () => redraw("variance", "gene", "gene-scatter"));
document.getElementById("gene").addEventListener("change", ({ target }) => {
  const level = DATA.predictions.find((one) => one.name === currentGenes().name);
  const found = level.genes.find((gene) => DATA.names[gene].toLowerCase() === target.value.trim().toLowerCase());
  if (found === undefined) target.setCustomValidity("not among the genes of this page"), target.reportValidity();
  else target.setCustomValidity(""), showGene(found);
});
fillGenes();

// ---------------------------------------------------------------- when to draw

// Top down, with a pause after each in which the page can scroll and answer.
function drawNext() {
  const next = [...panels.keys()].find((name) => !drawn.has(name));
  if (!next) return;
  draw(next);
  setTimeout(drawNext, 20);
}
setTimeout(drawNext);

window.matchMedia("(max-width: 639px)").addEventListener("change", () => redraw(...panels.keys()));

const toc = new IntersectionObserver((entries) => {
  entries.forEach(({ target, isIntersecting }) => {
    document.querySelector(`.toc a[href="#${target.id}"]`).classList.toggle("here", isIntersecting);
  });
}, { rootMargin: "-20% 0px -70% 0px" });
document.querySelectorAll("main section").forEach((section) => toc.observe(section));

// Paper shows what a screen would fold away or not yet have drawn.
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((details) => { details.open = true; });
  panels.forEach((panel, name) => {
    if (!drawn.has(name)) draw(name);
    const plot = panel.querySelector(".js-plotly-plot");
    if (plot && name !== "transfer") Plotly.relayout(plot, { width: Math.min(plot.clientWidth, 680) });
  });
});
window.addEventListener("afterprint", () => {
  folded.forEach((details) => { details.open = false; });
  redraw(...panels.keys());
});
