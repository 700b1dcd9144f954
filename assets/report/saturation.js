// Saturation mutagenesis: profiles of genes, means around the TSS, motifs.

const SITES = 12; // rows of the table of strongest sites
const SITE_GAP = 10; // bases between two of them
const SITE_VIEW = 30; // bases shown on either side of one

const unpacked = new WeakMap();

// unpack() once a vector: a redrawing of the same gene does not decode it again.
function values(packed) {
  if (!unpacked.has(packed)) unpacked.set(packed, unpack(packed));
  return unpacked.get(packed);
}

const saturated = (name) => DATA.saturation[chosen(name, "Model")];

// {model, gene, k, minus, points}: the chosen profile, or the difference of two.
function chosenProfile() {
  const model = saturated("profile"), gene = model.genes[chosen("profile", "Gene")];
  const k = chosen("profile", "Population"), minus = chosen("profile", "Minus") - 1;
  return { model, gene, k, minus, points: profilePoints(model, gene, k, minus) };
}

// Largest effects by position; with `minus` what remains of them, where both populations have the same sign.
function profilePoints(model, gene, k, minus = -1) {
  const mine = values(gene.effect[k]), theirs = minus < 0 ? null : values(gene.effect[minus]), locus = DATA.loci[gene.locus];
  const points = [];
  values(gene.distances).forEach((distance, i) => {
    const x = Math.round(distance), y = theirs ? mine[i] - theirs[i] : mine[i];
    if (!y || (theirs && mine[i] * theirs[i] < 0)) return;
    const change = `${gene.letters[x + model.upstream]}>${gene.alternatives[k][i]}`;
    const both = theirs ? `<br>${signed(mine[i])} against ${signed(theirs[i])} (${gene.alternatives[minus][i]})` : "";
    points.push({ x, y, change, text: `${place(x)} · ${onGenome(locus, x)}<br>${change}: ${signed(y)}${both}` });
  });
  return points;
}

function profileLetters({ model, gene, k, minus }, [from, to]) {
  const mine = values(gene.importance[k]), theirs = minus < 0 ? null : values(gene.importance[minus]);
  const at = values(gene.distances).map(Math.round);
  const inside = at.map((_, i) => i).filter((i) => at[i] >= from && at[i] <= to);
  return importanceLetters(inside.map((i) => gene.letters[at[i] + model.upstream]), inside.map((i) => mine[i] - (theirs ? theirs[i] : 0)), inside.map((i) => at[i]));
}

function profile() {
  if (!saturated("profile").genes.length) return "No gene was saturated.";
  const one = chosenProfile(), { model, gene, k, minus, points } = one;
  const whole = [-model.upstream - 0.5, model.downstream - 0.5], range = views.get("profile") || whole;
  const near = range[1] - range[0] < LOGO_BASES;
  fillSites(points, gene);
  const made = alongWindow("profile", {
    locus: DATA.loci[gene.locus], whole, main: stems(points, stemWidth("profile", range), [UP, DOWN], minus < 0 ? ["raises expression", "lowers expression"] : ["above the other", "below the other"]), yTitle: minus < 0 ? "effect, log10" : "difference, log10",
    letters: near ? profileLetters(one, range) : null, logoTitle: "importance", yExtra: { range: padded(points.map(({ y }) => y)) },
  });
  const held = model.genes.length < model.total ? ` ${count(model.genes.length)} of ${count(model.total)} saturated genes are on this page, those of top variants and of largest effects first.` : "";
  const left = gene.left_out ? ` The ${count(values(gene.distances).length)} positions of largest effects are drawn; ${count(gene.left_out)} smaller ones are in effects.h5.` : "";
  const against = minus < 0 ? `predicted ${number(gene.predicted[k])} log10` : `minus ${model.populations[minus]}`;
  made.title = `${DATA.names[gene.gene]} · ${model.populations[k]}, ${against}.${held}${left}`;
  if (!points.length) made.layout.annotations.push({ text: "no effect of 0.001 or more", xref: "paper", x: 0.5, y: 0, showarrow: false, font: { color: FAINT } });
  return made;
}

function padded(numbers) {
  const low = numbers.reduce((a, b) => Math.min(a, b), 0), high = numbers.reduce((a, b) => Math.max(a, b), 0), pad = (high - low || 0.1) * 0.06;
  return [low - pad, high + pad];
}

// The largest effects, each standing for the bases around it.
function strongest(points) {
  const found = [];
  for (const point of [...points].sort((a, b) => Math.abs(b.y) - Math.abs(a.y))) {
    if (found.length === SITES) break;
    if (found.every(({ x }) => Math.abs(x - point.x) >= SITE_GAP)) found.push(point);
  }
  return found;
}

let sitesOf; // what the table of sites shows: zooming does not change it
function fillSites(points, gene) {
  const key = ["Model", "Gene", "Population", "Minus"].map((what) => chosen("profile", what)).join();
  if (sitesOf === key) return;
  sitesOf = key;
  const locus = DATA.loci[gene.locus];
  table("sites", [
    { head: "Bases from the TSS", numeric: true, cell: ({ x }) => x, format: place },
    { head: "Position", cell: ({ x }) => (locus ? `${locus.chrom}:${count(locus.strand === "-" ? locus.tss - x : locus.tss + x)}` : "") },
    { head: "Substitution", cell: ({ change }) => change },
    { head: "Effect, log10", numeric: true, cell: ({ y }) => y, format: (value) => signed(value) },
  ], strongest(points), ({ x }) => {
    zoomTo("profile", [x - SITE_VIEW - 0.5, x + SITE_VIEW + 0.5]);
    panels.get("profile").scrollIntoView({ block: "nearest" });
  });
}

// ---------------------------------------------------------------- over genes

function smoothed(numbers, width) {
  const half = width >> 1;
  return numbers.map((_, i) => {
    const part = finite(numbers.slice(Math.max(0, i - half), i + half + 1));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

function meanProfile() {
  const { populations, mean } = saturated("mean-profile"), one = chosen("mean-profile", "Population") - 1;
  if (!mean.genes) return "No position of any gene was saturated.";
  const width = chosen("mean-profile", "Smoothing") ? 1 : Math.max(1, Math.round(25 / mean.step));
  const shown = one < 0 ? populations.map((_, k) => k) : [one];
  const stride = Math.max(1, Math.ceil((shown.length * values(mean.values[0]).length) / 60000));
  const few = shown.length <= PARENT_COLOURS.length;
  const traces = shown.map((k) => {
    const y = smoothed(values(mean.values[k]), width), at = y.map((_, i) => i).filter((i) => i % stride === 0);
    return {
      mode: "lines", name: short(populations[k], 24), showlegend: few, x: at.map((i) => mean.first + i * mean.step + (mean.step - 1) / 2), y: at.map((i) => y[i]),
      hovertemplate: `${safe(populations[k])}<br>%{x:,d}: %{y:.3g}<extra></extra>`, line: { width: few ? 1.5 : 1, color: few ? PARENT_COLOURS[k % PARENT_COLOURS.length] : translucent(UP, 0.35) },
    };
  });
  return {
    title: `${count(mean.genes)} ${mean.genes === 1 ? "gene" : "genes"}${mean.step > 1 ? `, means of ${mean.step} bases` : ""}`, traces,
    layout: { height: 380, xaxis: axis("bases from the TSS", { tickformat: ",d" }), yaxis: axis("mean largest |effect|, log10", { rangemode: "tozero" }) },
  };
}

function positions() {
  const model = saturated("positions"), at = chosen("positions", "Gene") - 1;
  const { first, values: packed } = at < 0 ? model.mean.bins : model.genes[at].bins;
  const z = packed.map(values);
  if (!z.length || !z[0].length) return "No position was saturated.";
  const x = z[0].map((_, i) => first + 50 * i + 25);
  const text = z.map((row, k) => row.map((value, i) => `${safe(model.populations[k])}<br>${place(x[i] - 25)} to ${place(x[i] + 24)}: ${size(value)}`));
  return {
    traces: [{ type: "heatmap", x, z, text, hoverinfo: "text", colorscale: "Cividis", colorbar: colourBar("|effect|") }],
    layout: { height: model.populations.length * 22 + 130, xaxis: axis("bases from the TSS", { tickformat: ",d", showgrid: false }), yaxis: rowAxis(model.populations) },
  };
}

// ---------------------------------------------------------------- motifs

function columnAxis(labels, most) {
  return axis("", { tickmode: "array", tickvals: labels.map((_, i) => i), ticktext: labels.map((label) => short(label, most)), tickangle: -60, showgrid: false });
}

// Rows × columns on a scale around 0, wide enough for its labels; the figure scrolls in its panel. spots: [[column, row]…].
function divergingMap(name, { rows, columns, z, text, title, spots = [] }) {
  const most = narrow() ? 14 : 26;
  const largest = Math.max(...finite(z.flat()).map(Math.abs), 1e-9);
  const traces = [{ type: "heatmap", z, text, hoverinfo: "text", colorscale: DIVERGING, zmin: -largest, zmax: largest, xgap: 1, ygap: 1, colorbar: colourBar(title) }];
  if (spots.length) {
    traces.push({ mode: "markers", x: spots.map(([x]) => x), y: spots.map(([, y]) => y), hoverinfo: "skip", showlegend: false, marker: { size: 6, color: INK, line: { width: 1.2, color: "#fff" } } });
  }
  return {
    traces,
    layout: {
      width: Math.max(plotWidth(name), columns.length * (narrow() ? 15 : 20) + 8 * most + 90), height: rows.length * 22 + 7 * most + 60, margin: { l: 10, r: 10, t: 40, b: 40 },
      xaxis: { ...columnAxis(columns, most), range: [-0.5, columns.length - 0.5] }, yaxis: rowAxis(rows),
    },
  };
}

const motifName = ({ motif, name }) => (motif === name ? motif : `${motif} · ${name}`);

// What is significant first, by how much it matters; then the others, by q.
function motifOrder(a, b) {
  const [one, other] = [a, b].map((cell) => (cell.one.q_value[cell.k] < 0.05 ? 0 : cell.one.q_value[cell.k]));
  return one - other || Math.abs(b.one.difference[b.k]) - Math.abs(a.one.difference[a.k]);
}

function motifs() {
  const { populations, motifs: found } = saturated("motifs");
  document.querySelector('[data-table="motifs"]').replaceChildren();
  if (!found.length) return "No motifs were looked for in this run: give it a file of them with --motifs.";
  const cells = found.flatMap((one) => populations.map((population, k) => ({ one, population, k })));
  const pick = (column, format) => ({ numeric: true, cell: ({ one, k }) => one[column][k], format: (value) => format(value) });
  table("motifs", [
    { head: "Motif", cell: ({ one }) => one.motif }, { head: "Name", cell: ({ one }) => one.name }, { head: "Population", cell: ({ population }) => population },
    { head: "Hits", ...pick("hits", count) }, { head: "Importance", ...pick("importance", signed) },
    { head: "Elsewhere", ...pick("background_importance", signed) }, { head: "Difference", ...pick("difference", signed) }, { head: "p", ...pick("p_value", pValue) }, { head: "q", ...pick("q_value", pValue) },
  ], cells.filter(({ one, k }) => Number.isFinite(one.q_value[k])).sort(motifOrder).slice(0, 300));
  return divergingMap("motifs", {
    rows: found.map(motifName), columns: populations, z: found.map((one) => one.difference), title: "Δ",
    text: found.map((one) => populations.map((population, k) => `${safe(motifName(one))} · ${safe(population)}<br>difference ${signed(one.difference[k])}<br>q ${pValue(one.q_value[k])}`)),
    spots: found.flatMap((one, row) => populations.map((_, k) => [k, row]).filter(([k]) => Number.isFinite(one.q_value[k]) && one.q_value[k] < 0.05)),
  });
}

// ---------------------------------------------------------------- controls

Object.assign(builders, { profile, "mean-profile": meanProfile, positions, motifs });
Object.assign(listeners, { profile: zooming("profile") });

// The population in which a gene's effects are largest.
function mostAffected(gene) {
  const sizes = gene.effect.map((packed) => values(packed).reduce((most, value) => Math.max(most, Math.abs(value) || 0), 0));
  return sizes.indexOf(Math.max(...sizes));
}

function fillProfile() {
  const { genes, populations } = saturated("profile"), gene = genes[chosen("profile", "Gene")];
  fill(control("profile", "Population"), gene ? populations : [], gene ? mostAffected(gene) : 0);
  fill(control("profile", "Minus"), gene ? ["nothing", ...populations] : []);
}

function fillProfileGenes() {
  fill(control("profile", "Gene"), saturated("profile").genes.map(({ gene }) => DATA.names[gene]));
  fillProfile();
}

wire("profile", "Model", DATA.saturation, () => { fillProfileGenes(); draw("profile"); });
onChange("profile", "Gene", () => { fillProfile(); draw("profile"); });
["Population", "Minus"].forEach((what) => onChange("profile", what, () => draw("profile")));
wireViews("profile");
fillProfileGenes();

function fillMean() {
  fill(control("mean-profile", "Population"), ["all", ...saturated("mean-profile").populations]);
}
wire("mean-profile", "Model", DATA.saturation, () => { fillMean(); draw("mean-profile"); });
["Population", "Smoothing"].forEach((what) => onChange("mean-profile", what, () => draw("mean-profile")));
fill(control("mean-profile", "Smoothing"), ["25 bases", "none"]);
fillMean();

function fillPositions() {
  fill(control("positions", "Gene"), ["mean over genes", ...saturated("positions").genes.map(({ gene }) => DATA.names[gene])]);
}
wire("positions", "Model", DATA.saturation, () => { fillPositions(); draw("positions"); });
onChange("positions", "Gene", () => draw("positions"));
fillPositions();

wire("motifs", "Model", DATA.saturation);
