// The profile of a gene: the largest effect at each position, with a logo if few bases are in view.
import { DOWN, TONE, UP } from "../shared/colours.js";
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, geneName } from "../shared/data.js";
import { decoded } from "../shared/packed.js";
import { addFigure, chosen, control, draw } from "../shared/panels.js";
import { largestAbsolute, largestAt, rangeWithZero } from "../shared/statistics.js";
import { count, decimal, distanceText, percent, signed } from "../shared/text.js";
import { alongWindow } from "../window/along-window.js";
import { importanceLetters } from "../window/logo.js";
import { stemWidth, stems } from "../window/stems.js";
import { viewOf, wireViews, zooming } from "../window/views.js";
import { chosenModel, effectPoints } from "./effects.js";
import { fillSites } from "./sites.js";

const NEAR = 500; // bases around the TSS
const LOGO_BASES = 120; // below this number of bases in view, a logo is drawn

const chosenGene = () => chosenModel("profile").genes[chosen("profile", "Gene")];

// {model, gene, k, minus, points}: the chosen profile, or the difference of two populations.
function chosenProfile() {
  const model = chosenModel("profile"), gene = chosenGene();
  const k = chosen("profile", "Population"), minus = chosen("profile", "Minus") - 1;
  return { model, gene, k, minus, points: effectPoints(model, gene, k, minus) };
}

function profile() {
  if (!chosenModel("profile").genes.length) return "No gene was saturated.";
  const shown = chosenProfile(), { model, gene, minus, points } = shown;
  const whole = [-model.upstream - 0.5, model.downstream - 0.5], range = viewOf("profile") || whole;
  fillSites(points, gene);
  const figure = alongWindow("profile", {
    locus: DATA.loci[gene.locus], whole,
    main: stems(points, stemWidth("profile", range), [UP, DOWN], legendOf(minus)),
    yTitle: minus < 0 ? "effect, log10" : "difference, log10", yOwn: { range: padded(points.map(({ y }) => y)) },
    letters: range[1] - range[0] < LOGO_BASES ? profileLetters(shown, range) : null, logoTitle: "importance",
  });
  figure.title = titleOf(shown);
  figure.finding = findingOf(points);
  if (!points.length) figure.layout.annotations.push(noEffect());
  return figure;
}

function findingOf(points) {
  const top = points[largestAt(points.map(({ y }) => Math.abs(y)))];
  if (!top) return "";
  const total = (some) => some.reduce((sum, { y }) => sum + Math.abs(y), 0);
  const near = total(points.filter(({ x }) => Math.abs(x) <= NEAR)) / total(points);
  return `The largest value is ${signed(top.y)} at ${distanceText(top.x)} (${top.change}); ${percent(near)} of the sum `
    + `of all lies within ${NEAR} bases of the TSS.`;
}

const legendOf = (minus) =>
  minus < 0 ? ["raises expression", "lowers expression"] : ["above the other", "below the other"];

const noEffect = () => ({
  text: "no effect of 0.001 or more", xref: "paper", x: 0.5, y: 0, showarrow: false, font: { color: TONE.soft },
});

function padded(values) {
  const [low, high] = rangeWithZero(values), pad = (high - low || 0.1) * 0.06;
  return [low - pad, high + pad];
}

function profileLetters({ model, gene, k, minus }, [from, to]) {
  const own = decoded(gene.importance[k]), other = minus < 0 ? null : decoded(gene.importance[minus]);
  const at = decoded(gene.distances).map(Math.round);
  const inside = at.map((_, i) => i).filter((i) => at[i] >= from && at[i] <= to);
  return importanceLetters(
    inside.map((i) => gene.bases[at[i] + model.upstream]),
    inside.map((i) => own[i] - (other ? other[i] : 0)),
    inside.map((i) => at[i]),
  );
}

function titleOf({ model, gene, k, minus }) {
  const against = minus < 0 ? `predicted ${decimal(gene.predicted[k])} log10` : `minus ${model.populations[minus]}`;
  const parts = [`${geneName(gene.gene)} · ${model.populations[k]}, ${against}.`];
  if (model.genes.length < model.total) {
    const genes = `${count(model.genes.length)} of ${count(model.total)} saturated genes are on this page`;
    parts.push(`${genes}, first those of top variants, then those with the largest effects.`);
  }
  if (gene.omitted) {
    const positions = `The ${count(decoded(gene.distances).length)} positions with the largest effects are drawn`;
    parts.push(`${positions}; ${count(gene.omitted)} smaller ones are in effects.h5.`);
  }
  return parts.join(" ");
}

// ---------------------------------------------------------------- controls

// The population in which a gene's effects are largest.
function mostAffected(gene) {
  const sizes = gene.effect.map((packed) => largestAbsolute(decoded(packed)));
  return sizes.indexOf(Math.max(...sizes));
}

function fillPopulations() {
  const { populations } = chosenModel("profile"), gene = chosenGene();
  fill(control("profile", "Population"), gene ? populations : [], gene ? mostAffected(gene) : 0);
  fill(control("profile", "Minus"), gene ? ["nothing", ...populations] : []);
}

function fillGenes() {
  fill(control("profile", "Gene"), chosenModel("profile").genes.map(({ gene }) => geneName(gene)));
  fillPopulations();
}

addFigure("profile", profile, zooming("profile"));
wire("profile", "Model", DATA.saturation, () => { fillGenes(); draw("profile"); });
onChange("profile", "Gene", () => { fillPopulations(); draw("profile"); });
["Population", "Minus"].forEach((label) => onChange("profile", label));
wireViews("profile");
fillGenes();
