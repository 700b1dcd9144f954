// The table of variants to choose from, for the chosen set and model.
import { fill } from "../shared/controls.js";
import { DATA, geneName } from "../shared/data.js";
import { control } from "../shared/panels.js";
import { offerSearch } from "../shared/search-page.js";
import { table } from "../shared/table.js";
import { count, cut, distanceText, pValue, percent, plural, signed, unsigned } from "../shared/text.js";
import { resetView } from "../window/views.js";
import { showVariant } from "./chosen-variant.js";
import { alleleName, currentSet, positionOf, setSelect, variantName } from "./variant-set.js";

// Associations that the file of the set gives, if any.
const ASSOCIATION = [
  { head: "Risk allele", field: "risk_allele" },
  { head: "GWAS beta", field: "gwas_beta" },
  { head: "GWAS p", field: "gwas_p_value" },
];

// Learned motifs that an allele breaks or makes: `-ATGACGTGGC;+CTTTATAA`, where the networks know any.
const motifsOf = ({ changed_motifs: text }) => text.replaceAll(";", "; ").replaceAll("-", "−");

const probabilityText = (probability) => (probability > 0.99 ? "> 99 %" : percent(probability));

// How probable it is that the sign is right, with a sentence on hover, or why not to use it.
function signCell({ effect, sign_probability: probability, abstain }, population) {
  const made = document.createElement("span");
  made.textContent = abstain ? `do not use: ${abstain}` : probabilityText(probability);
  if (!abstain && Number.isFinite(probability)) {
    const change = effect > 0 ? "raises" : "lowers";
    const what = `the probability that it ${change} expression is ${made.textContent}`;
    made.title = `If the allele acts in ${population}, ${what}.`;
  }
  return made;
}

// Columns by number i of the variant; `first` is its score in the population in which it ranks first.
function columns({ variants, first, populations }) {
  const score = (head, field, own = {}) => ({ head, numeric: true, cell: (i) => first[i][field], ...own });
  const associations = ASSOCIATION.filter(({ field }) => first.some((one) => one[field] !== ""));
  const pooled = first.some((one) => Number.isFinite(one.pooled_p_value));
  const signs = first.some((one) => Number.isFinite(one.sign_probability));
  const sign = { picture: (i) => signCell(first[i], populations[first[i].population]) };
  const motifs = { head: "Learned motifs", cell: (i) => motifsOf(first[i]) };
  return [
    { head: "Variant", cell: (i) => cut(variants[i].variant, 60) },
    { head: "Gene", cell: (i) => geneName(variants[i].gene) },
    { head: "Position", cell: (i) => positionOf(variants[i]) },
    { head: "Allele", cell: (i) => alleleName(variants[i]) },
    { head: "From TSS", numeric: true, cell: (i) => variants[i].distance, format: distanceText },
    { head: "Population", cell: (i) => populations[first[i].population] },
    score("Effect, log10", "effect", { format: (value) => signed(value) }),
    score("± s.d.", "sd", { format: unsigned }),
    score("Same sign", "sign_agreement"),
    ...(signs ? [score("Sign is right", "sign_probability", sign)] : []),
    score("Percentile", "percentile", { digits: 1 }),
    score("p", "p_value", { format: pValue }),
    ...(pooled ? [score("Pooled p", "pooled_p_value", { format: pValue })] : []),
    score("q", "q_value", { format: pValue }),
    ...(first.some((one) => one.changed_motifs) ? [motifs] : []),
    score("Specificity", "specificity", { format: (value) => signed(value) }),
    score("Gene's r", "gene_pearson"),
    ...associations.map(({ head, field }) => ({ head, cell: (i) => first[i][field] })),
    { head: "Flags", cell: (i) => first[i].flag.split(",").join(", ") },
  ];
}

function sentences(set) {
  if (!set.rows) return "No allele lies in the promoter window of a gene.";
  const parts = [`${count(set.rows)} scores (alleles × genes × populations), ${count(set.significant)} with q < 0.05.`];
  if (set.not_scorable) {
    parts.push(`${count(set.not_scorable)} lie outside the bases that this network reads: not scorable, without q.`);
  }
  parts.push(
    `The table holds ${plural(set.first.length, "allele")}, each in the population in which it ranks first:`,
    "those with q < 0.05 by the size of their effect, then the others by q.",
    "All scores are in the variants folder. Choose a row to see it below.",
  );
  return parts.join(" ");
}

function showSet() {
  const set = currentSet(), genes = set.genes.map(({ gene }) => geneName(gene));
  document.getElementById("variant-count").textContent = sentences(set);
  table("variants", columns(set), set.first.map((_, i) => i), showVariant);
  fill(control("locus", "Gene"), genes);
  fill(control("variant-map", "Rows"), ["first rows of the table", ...genes]);
  resetView("locus");
  showVariant(0);
}

// Each variant on the page, in the first set and model that have it.
const variantsOnPage = () => DATA.variants.flatMap((set, k) => (
  set.variants.map((one, i) => [variantName(one), () => showIn(k, i)])
)).reverse();

// Those that have no figures here: [name, function] each, which says the best score.
const listedVariants = () => DATA.variants.flatMap(({ name, listed }) => listed.variant.map((variant, i) => {
  const label = variantName({ variant, ref: listed.ref[i], alt: listed.alt[i], gene: listed.gene[i] });
  const best = `${signed(listed.effect[i])} in ${listed.population[i]}, q ${pValue(listed.q_value[i])}`;
  return [label, () => sayFound(`${label} (${name}): largest effect ${best}. ${ONLY_SCORES}`)];
})).reverse();

const ONLY_SCORES = "It is not in the table below; all its scores are in the variants folder.";

function sayFound(text) {
  document.getElementById("variant-found").textContent = text;
}

function showIn(k, i) {
  sayFound("");
  if (setSelect.selectedIndex !== k) {
    setSelect.selectedIndex = k;
    showSet();
  }
  showVariant(i);
}

offerSearch("variant-table", listedVariants);
offerSearch("variant-table", variantsOnPage);
fill(setSelect, DATA.variants.map((one) => one.name));
setSelect.addEventListener("change", showSet);
showSet();
