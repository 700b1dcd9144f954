// Variants: the largest significant effects, their alleles in every population, their surroundings, loci, and other tools' scores.

const MAP_ROWS = 40; // variants in a heat map
const currentSet = () => DATA.variants[Math.max(0, document.getElementById("variant-model").selectedIndex)];
let currentVariant = 0; // a number of currentSet().variants

// Long alleles, and names of many variants of a haplotype, by their start.
const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const alleleName = ({ ref, alt }) => `${cut(ref, 16)}>${cut(alt, 16)}`;
const variantName = (one) => `${cut(one.variant, 40)} ${alleleName(one)} · ${DATA.names[one.gene]}`;
const FIGURES = ["alleles", "variant-logo", "locus", "variant-map", "external"];

// A population's effects over all variants of a set, decoded once.
const decoded = new WeakMap();
function numbers(packed) {
  if (!decoded.has(packed)) decoded.set(packed, unpack(packed));
  return decoded.get(packed);
}
const qValue = (set, k, i) => 10 ** numbers(set.log_q[k])[i];
const effectOf = (set, k, i) => numbers(set.effect[k])[i];

function effectText(set, k, i) {
  const one = set.variants[i];
  return `${safe(variantName(one))}<br>${safe(one.chrom)}:${safe(cut(one.pos, 30))} · ${place(one.distance)} from the TSS<br>${safe(set.populations[k])}: ${signed(effectOf(set, k, i))} ± ${size(numbers(set.sd[k])[i])}, q ${pValue(qValue(set, k, i))}`;
}

// ---------------------------------------------------------------- table

// What the set's file says of associations, if it says anything.
const ASSOCIATION = [{ head: "Risk allele", column: "risk_allele" }, { head: "GWAS beta", column: "gwas_beta" }, { head: "GWAS p", column: "gwas_p_value" }];

function fillVariants() {
  const set = currentSet();
  const best = (column, digits = 2) => ({ numeric: true, cell: (i) => set.first[i][column], digits });
  document.getElementById("variant-count").textContent = set.rows
    ? `${count(set.rows)} rows (alleles × genes × populations), ${count(set.certain)} with q < 0.05.${set.unread ? ` ${count(set.unread)} rows are of alleles outside of what this network reads: not scorable, without q.` : ""} The table holds ${set.first.length === 1 ? "the only allele" : `${count(set.first.length)} alleles`}: those with q < 0.05 by the size of their effect, then the others by q, each in the population in which it comes first. All are in the variants folder. Choose one to see it below.`
    : "No allele lies in the window of a gene.";
  table("variants", [
    { head: "Variant", cell: (i) => cut(set.variants[i].variant, 60) }, { head: "Gene", cell: (i) => DATA.names[set.variants[i].gene] },
    { head: "Position", cell: (i) => `${set.variants[i].chrom}:${cut(set.variants[i].pos, 30)}` }, { head: "Allele", cell: (i) => alleleName(set.variants[i]) },
    { head: "From TSS", numeric: true, cell: (i) => set.variants[i].distance, format: place },
    { head: "Population", cell: (i) => set.populations[set.first[i].population] },
    { head: "Effect, log10", ...best("effect"), format: (value) => signed(value) }, { head: "± s.d.", ...best("sd"), format: size },
    { head: "Same sign", ...best("sign_agreement") }, { head: "Percentile", ...best("percentile", 1) }, { head: "p", ...best("p_value"), format: pValue }, { head: "q", ...best("q_value"), format: pValue },
    { head: "Specificity", ...best("specificity"), format: (value) => signed(value) }, { head: "r of the gene", ...best("gene_pearson") },
    ...ASSOCIATION.filter(({ column }) => set.first.some((one) => one[column] !== "")).map(({ head, column }) => ({ head, cell: (i) => set.first[i][column] })),
    { head: "Flags", cell: (i) => set.first[i].flag.split(",").join(", ") },
  ], set.first.map((_, i) => i), showVariant);
  fill(control("locus", "Gene"), set.genes.map(({ gene }) => DATA.names[gene]));
  fill(control("variant-map", "Rows"), ["first of the table", ...set.genes.map(({ gene }) => DATA.names[gene])]);
}

function showVariant(i) {
  const set = currentSet(), one = set.variants[i];
  currentVariant = i;
  document.querySelectorAll('[data-table="variants"] .pick').forEach((line) => line.classList.toggle("here", line.entry === i));
  if (one) {
    fill(control("locus", "Population"), set.populations, set.first[i]?.population ?? chosen("locus", "Population"));
    const gene = set.genes.findIndex(({ gene: number }) => number === one.gene);
    if (gene >= 0 && gene !== chosen("locus", "Gene")) control("locus", "Gene").selectedIndex = gene, views.delete("locus");
    fillChanges(set, i);
  }
  redraw(...FIGURES.filter((name) => panels.has(name)));
}

// ---------------------------------------------------------------- alleles

const SYMBOLS = ["circle", "diamond-open", "square-open", "triangle-up-open", "x-open", "star-open"];

function alleles() {
  const set = currentSet(), one = set.variants[currentVariant];
  if (!one) return "No variant was scored.";
  const same = ["variant", "gene", "chrom", "pos", "ref"];
  const others = set.variants.map((_, i) => i).filter((i) => i !== currentVariant && same.every((what) => set.variants[i][what] === one[what]));
  const shown = [currentVariant, ...others].slice(0, SYMBOLS.length);
  const parents = [...new Set(set.parents)], colour = (k) => PARENT_COLOURS[parents.indexOf(set.parents[k]) % PARENT_COLOURS.length];
  const order = set.populations.map((_, k) => k)
    .sort((a, b) => parents.indexOf(set.parents[a]) - parents.indexOf(set.parents[b]) || effectOf(set, b, currentVariant) - effectOf(set, a, currentVariant));
  const traces = shown.map((i, number) => ({
    mode: "markers", name: short(alleleName(set.variants[i]), 24), x: order.map((k) => effectOf(set, k, i)), y: order.map((_, row) => row + (number - (shown.length - 1) / 2) * 0.24),
    text: order.map((k) => effectText(set, k, i)), hoverinfo: "text", marker: { size: number ? 8 : 10, symbol: SYMBOLS[number], color: order.map(colour) },
    error_x: { type: "data", array: order.map((k) => numbers(set.sd[k])[i]), thickness: 1, width: 3, color: FAINT }, legendrank: number,
  }));
  if (parents.length > 1) {
    traces.push(...parents.map((parent, k) => ({ mode: "markers", name: short(parent || "no parent", 24), x: [null], y: [null], hoverinfo: "skip", marker: { size: 9, symbol: "square", color: PARENT_COLOURS[k % PARENT_COLOURS.length] }, legendrank: 2000 })));
  }
  return {
    title: `${variantName(one)} · ${place(one.distance)} bases from the TSS`, traces,
    layout: {
      height: set.populations.length * 26 + 130, showlegend: true, xaxis: axis("effect, log10", { rangemode: "tozero", zeroline: true, zerolinecolor: FAINT, fixedrange: narrow() }), yaxis: rowAxis(order.map((k) => set.populations[k])),
    },
  };
}

// ---------------------------------------------------------------- the sequence around a variant

function fillChanges(set, i) {
  const found = set.changes.filter((one) => one.number === i);
  const box = document.querySelector('[data-table="changes"]');
  if (!found.length) {
    box.replaceChildren();
    return;
  }
  table("changes", [
    { head: "Motif", cell: (one) => one.motif }, { head: "Name", cell: (one) => one.name }, { head: "Strand", cell: (one) => one.strand },
    { head: "From", numeric: true, cell: (one) => one.start, format: count }, { head: "Bits, reference", numeric: true, cell: (one) => one.ref_score },
    { head: "Bits, alternative", numeric: true, cell: (one) => one.alt_score }, { head: "Change", numeric: true, cell: (one) => one.alt_score - one.ref_score, format: (value) => signed(value) },
  ], found);
}

// Letters of a motif's logo over its site, on the gene's strand; [] where the page has no matrix of it.
function motifLetters(set, change, locus) {
  const matrix = set.motifs.find((one) => one.motif === change.motif);
  if (!matrix || !locus) return [];
  const width = matrix.heights.length, flipped = change.strand !== locus.strand;
  const first = locus.strand === "-" ? locus.tss - (change.start + width - 1) : change.start - locus.tss;
  return matrix.heights.flatMap((_, at) => {
    const row = matrix.heights[flipped ? width - 1 - at : at];
    const column = [..."ACGT"].map((letter, k) => ({ letter, height: flipped ? row[3 - k] : row[k] })).sort((a, b) => a.height - b.height);
    let from = 0;
    return column.map(({ letter, height }) => ({ letter, x: first + at, from, to: (from += height) }));
  });
}

function variantLogo() {
  const set = currentSet(), one = set.variants[currentVariant], logo = set.logos[currentVariant];
  if (!one) return "No variant was scored.";
  if (!logo) return `${currentVariant < set.first.length ? `${DATA.names[one.gene]} was not saturated with this model` : "This allele is not among those of the table"}: no effects of the bases around it. Add the gene to --saturate.`;
  const importance = numbers(logo.importance), distances = importance.map((_, i) => logo.first + i);
  const letters = importanceLetters([...logo.letters], importance, distances);
  const entry = set.genes.find(({ gene }) => gene === one.gene), locus = entry ? DATA.loci[entry.locus] : null;
  const change = set.changes.find(({ number: i }) => i === currentVariant);
  const above = change ? motifLetters(set, change, locus) : [];
  const perBase = plotWidth("variant-logo") / logo.letters.length;
  // The bases of REF where the gene's place is known; else, and of a haplotype, the changed base nearest to the TSS.
  const ends = locus && !one.ref.includes(";") ? [+one.pos, +one.pos + one.ref.length - 1].map((at) => locus.strand === "-" ? locus.tss - at : at - locus.tss) : [one.distance];
  const [from, to] = [Math.min(...ends) - 0.5, Math.max(...ends) + 0.5];
  const shapes = [{ type: "rect", x0: from, x1: to, yref: "paper", y0: 0, y1: 1, layer: "below", fillcolor: "#fdf0d5", line: { width: 0 } }, ...letterShapes(letters, "y"), ...letterShapes(above, "y2")];
  const row = { mode: "text", x: distances, y: distances.map(() => 0.5), yaxis: "y3", text: [...logo.letters], textfont: { size: Math.min(13, perBase * 1.1), color: [...logo.letters].map((letter) => LETTER_COLOURS[letter]) }, hoverinfo: "skip" };
  const hover = { mode: "markers", x: distances, y: importance, marker: { opacity: 0, size: 12 }, text: distances.map((at, i) => `${place(at)} · ${onGenome(locus, at)}<br>${logo.letters[i]}: importance ${signed(importance[i])}`), hoverinfo: "text" };
  const title = `${variantName(one)}${locus && locus.strand === "-" ? " (alleles on the + strand, letters on the gene's −)" : ""} · ${set.populations[set.first[currentVariant].population]}`;
  return {
    title: change ? `${title} · ${change.name}: ${number(change.ref_score, 1)} to ${number(change.alt_score, 1)} bits` : title, traces: [hover, row],
    layout: {
      height: above.length ? 360 : 260, showlegend: false, shapes, margin: { l: 10, r: 14, t: 14, b: 44 },
      xaxis: axis("bases from the TSS, on the gene's strand", { range: [distances[0] - 0.6, distances[distances.length - 1] + 0.6], showgrid: false, fixedrange: true, tickformat: ",d", anchor: "y3" }),
      yaxis: logoAxis(letters, "importance", { domain: above.length ? [0.12, 0.6] : [0.16, 1] }),
      yaxis2: { ...logoAxis(above, above.length ? "bits" : "", { domain: above.length ? [0.66, 1] : [0.99, 1], visible: above.length > 0 }), range: [0, 2.05] },
      yaxis3: axis("", { domain: [0, 0.09], range: [0, 1], fixedrange: true, showticklabels: false, showgrid: false }),
    },
  };
}

// ---------------------------------------------------------------- loci

function locusFigure() {
  const set = currentSet(), entry = set.genes[chosen("locus", "Gene")];
  if (!entry) return "No variant was scored.";
  const k = chosen("locus", "Population"), locus = DATA.loci[entry.locus];
  const inGene = set.variants.map((_, i) => i).filter((i) => set.variants[i].gene === entry.gene && Number.isFinite(effectOf(set, k, i)));
  const at = inGene.map((i) => set.variants[i].distance);
  const whole = locus ? [locus.start - 0.5, locus.end + 0.5] : [Math.min(...at, 0) - 500, Math.max(...at, 0) + 500];
  const range = views.get("locus") || whole;
  const saturation = DATA.saturation.find((one) => one.name === set.model), gene = saturation?.genes.find((one) => one.gene === entry.gene);
  const of = saturation ? saturation.populations.indexOf(set.populations[k]) : -1;
  const behind = gene && of >= 0 ? stems(profilePoints(saturation, gene, of), stemWidth("locus", range), ["#c3d9e8", "#f0d2bd"]) : [];
  const lollipops = stems(inGene.map((i) => ({ x: set.variants[i].distance, y: effectOf(set, k, i), text: "" })), 1.5, [UP, DOWN]);
  const effects = inGene.map((i) => effectOf(set, k, i)), most = effects.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  const heads = {
    mode: "markers", showlegend: false, x: at, y: effects, customdata: inGene, text: inGene.map((i) => effectText(set, k, i)), hoverinfo: "text",
    marker: {
      size: effects.map((y) => 5 + 10 * Math.sqrt(Math.abs(y) / most)), color: effects.map((y) => (y < 0 ? DOWN : UP)), symbol: inGene.map((i) => (qValue(set, k, i) < 0.05 ? "circle" : "circle-open")),
      line: { width: inGene.map((i) => (i === currentVariant ? 3 : 1.2)), color: inGene.map((i, j) => (i === currentVariant ? INK : effects[j] < 0 ? DOWN : UP)) },
    },
  };
  const made = alongWindow("locus", { locus, whole, main: [...behind, ...lollipops, heads], yTitle: "effect, log10", letters: null });
  made.layout.showlegend = false;
  made.title = `${DATA.names[entry.gene]} · ${set.populations[k]}: ${count(inGene.length)} ${inGene.length === 1 ? "allele" : "alleles"}${gene ? "" : "; the gene's profile is not on this page"}`;
  return made;
}

// ---------------------------------------------------------------- variants × populations

function variantMap() {
  const set = currentSet(), gene = set.genes[chosen("variant-map", "Rows") - 1];
  const all = gene ? set.variants.map((_, i) => i).filter((i) => set.variants[i].gene === gene.gene) : set.first.map((_, i) => i);
  if (!all.length) return "No variant was scored.";
  const most = (i) => Math.max(...finite(set.populations.map((_, k) => Math.abs(effectOf(set, k, i)))), 0);
  const kept = (gene ? [...all].sort((a, b) => most(b) - most(a)) : all).slice(0, MAP_ROWS);
  if (gene) kept.sort((a, b) => set.variants[a].distance - set.variants[b].distance);
  const rows = kept.map((i) => (gene ? `${set.variants[i].variant} ${alleleName(set.variants[i])}` : variantName(set.variants[i])));
  const made = divergingMap("variant-map", {
    rows, columns: set.populations, z: kept.map((i) => set.populations.map((_, k) => effectOf(set, k, i))), title: "effect",
    text: kept.map((i) => set.populations.map((_, k) => effectText(set, k, i))),
  });
  made.title = kept.length < all.length ? `The ${count(kept.length)} of ${gene ? "largest effects" : "first rows"} of ${count(all.length)}` : "";
  return made;
}

// ---------------------------------------------------------------- other tools

function external() {
  const set = currentSet(), found = set.external;
  document.querySelector('[data-table="correlations"]').replaceChildren();
  document.getElementById("no-correlations").hidden = Boolean(found?.correlations.length);
  if (!found) return "No scores of other tools for this set and model.";
  if (found.correlations.length) {
    table("correlations", [
      { head: "Population", cell: (row) => row.population }, { head: "Model", cell: (row) => row.model }, { head: "Track", cell: (row) => row.track },
      { head: "Variants", numeric: true, cell: (row) => row.n, format: count }, { head: "Spearman", numeric: true, cell: (row) => row.spearman }, { head: "p", numeric: true, cell: (row) => row.p_value, format: pValue },
    ], found.correlations);
  }
  if (!found.variants.length) return "Other tools score none of the variants that this page holds.";
  const shown = found.variants.map((_, i) => i).slice(0, MAP_ROWS);
  const columns = [...set.populations, ...found.tracks.map(({ model, track }) => `${model} ${track}`)];
  const z = [...found.ours, ...found.theirs].map(numbers);
  const rows = shown.map((i) => variantName(set.variants[found.variants[i]]));
  const made = divergingMap("external", {
    rows, columns, z: shown.map((i) => z.map((column) => column[i])), title: "z",
    text: shown.map((i, row) => z.map((column, k) => `${safe(rows[row])}<br>${safe(columns[k])}${k < set.populations.length ? " (ours)" : ""}: z ${number(column[i])}`)),
  });
  const edge = set.populations.length - 0.5;
  made.layout.shapes = [{ type: "line", x0: edge, x1: edge, yref: "paper", y0: 0, y1: 1, line: { color: INK, width: 2 } }];
  const held = shown.length < found.variants.length ? ` The first ${count(shown.length)} of ${count(found.variants.length)} variants.` : "";
  made.title = `Left of the line our populations, right of it other tools.${held}${found.left_out ? ` ${count(found.left_out)} more tracks are in the tables.` : ""}`;
  return made;
}

// ---------------------------------------------------------------- controls

Object.assign(builders, { alleles, "variant-logo": variantLogo, locus: locusFigure, "variant-map": variantMap, external });
Object.assign(listeners, { locus: { ...zooming("locus"), plotly_click: ({ points }) => points[0].customdata !== undefined && showVariant(points[0].customdata) } });

function showSet() {
  fillVariants();
  views.delete("locus");
  showVariant(0);
}

fill(document.getElementById("variant-model"), DATA.variants.map((one) => one.name));
document.getElementById("variant-model").addEventListener("change", showSet);
wireViews("locus", () => {
  const at = currentSet().variants[currentVariant]?.distance ?? 0;
  return [VIEWS[0], ["200 bases around the variant", [at - 100.5, at + 100.5]], ...VIEWS.slice(1)];
});
onChange("locus", "Gene", () => { views.delete("locus"); draw("locus"); });
onChange("locus", "Population", () => draw("locus"));
onChange("variant-map", "Rows", () => draw("variant-map"));
showSet();
