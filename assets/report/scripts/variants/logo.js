// The sequence around a variant as a logo, and above it the motif that the allele changes most.
import { DATA, geneName } from "../shared/data.js";
import { TONE, legible } from "../shared/colours.js";
import { axis } from "../shared/layout.js";
import { decoded } from "../shared/packed.js";
import { addFigure, plotWidth } from "../shared/panels.js";
import { countOf } from "../shared/statistics.js";
import { decimal, distanceText, plural, safe, signed } from "../shared/text.js";
import { distanceOf, onGenome } from "../window/genome.js";
import { BASE_COLOURS, importanceLetters, letterShapes, logoAxis, logoTrace, stackedLetters } from "../window/logo.js";
import { changesOf } from "./changes.js";
import { currentVariant } from "./chosen-variant.js";
import { currentSet, variantName } from "./variant-set.js";

function variantLogo() {
  const set = currentSet(), chosen = currentVariant(), one = set.variants[chosen], logo = set.logos[chosen];
  if (!one) return "No variant was scored.";
  if (!logo) return whyNone(set, chosen);
  const locus = locusOf(set, one), [change] = changesOf(set, chosen);
  const importance = decoded(logo.importance), distances = importance.map((_, i) => logo.first + i);
  const letters = importanceLetters([...logo.bases], importance, distances);
  const motif = change ? motifLetters(set, change, locus) : [];
  return {
    title: titleOf(set, chosen, locus, change), finding: findingOf(importance, distances, one),
    traces: [
      hover(logo, importance, distances, locus),
      baseRow(logo, distances),
      ...(motif.length ? [logoTrace(distances[0], "y2")] : []),
    ],
    layout: {
      height: motif.length ? 360 : 260, showlegend: false, margin: { l: 10, r: 14, t: 14, b: 44 },
      shapes: [band(one, locus), ...letterShapes(letters, "y"), ...letterShapes(motif, "y2")],
      ...axes(letters, motif, distances),
    },
  };
}

// The rank of the base at the variant among those in view.
function findingOf(importance, distances, one) {
  const at = distances.indexOf(one.distance);
  if (at < 0 || !Number.isFinite(importance[at])) return "";
  const rank = 1 + countOf(importance, (value) => Math.abs(value) > Math.abs(importance[at]));
  return `The base at the variant has importance ${signed(importance[at])}: number ${rank} of the `
    + `${plural(importance.length, "base")} in view.`;
}

function whyNone(set, i) {
  const why = i < set.first.length
    ? `${geneName(set.variants[i].gene)} was not saturated with this model`
    : "This allele is not among those of the table";
  return `${why}: no effects of the bases around it. Add the gene to --saturate.`;
}

function locusOf(set, one) {
  const entry = set.genes.find(({ gene }) => gene === one.gene);
  return entry ? DATA.loci[entry.locus] : null;
}

function titleOf(set, i, locus, change) {
  const strand = locus?.strand === "-" ? " (alleles on the + strand, logo on the gene's −)" : "";
  const title = `${variantName(set.variants[i])}${strand} · ${set.populations[set.first[i].population]}`;
  if (!change) return title;
  return `${title} · ${change.name}: ${decimal(change.ref_score, 1)} to ${decimal(change.alt_score, 1)} bits`;
}

// A motif's logo over its site, on the gene's strand; [] if the page does not have its matrix.
function motifLetters(set, change, locus) {
  const matrix = set.motifs.find((one) => one.motif === change.motif);
  if (!matrix || !locus) return [];
  const { heights } = matrix, last = heights.length - 1, isReversed = change.strand !== locus.strand;
  const start = distanceOf(locus, locus.strand === "-" ? change.start + last : change.start);
  return heights.flatMap((_, i) => (
    stackedLetters(isReversed ? [...heights[last - i]].reverse() : heights[i], start + i)
  ));
}

// On the bases of REF if the position of the gene is known; else, and for haplotypes, on the changed base nearest to
// the TSS.
function band(one, locus) {
  const ends = locus && !one.ref.includes(";")
    ? [+one.pos, +one.pos + one.ref.length - 1].map((position) => distanceOf(locus, position))
    : [one.distance];
  return {
    type: "rect", x0: Math.min(...ends) - 0.5, x1: Math.max(...ends) + 0.5, yref: "paper", y0: 0, y1: 1,
    layer: "below", fillcolor: TONE.mark, line: { width: 0 },
  };
}

function hover(logo, importance, distances, locus) {
  const says = (x, i) =>
    `${distanceText(x)} · ${safe(onGenome(locus, x))}<br>${logo.bases[i]}: importance ${signed(importance[i])}`;
  return {
    mode: "markers", x: distances, y: importance, marker: { opacity: 0, size: 12 },
    text: distances.map(says), hoverinfo: "text",
  };
}

function baseRow({ bases }, distances) {
  const room = plotWidth("variant-logo") / bases.length;
  return {
    mode: "text", x: distances, y: distances.map(() => 0.5), yaxis: "y3", text: [...bases], hoverinfo: "skip",
    isDecoration: true,
    textfont: { size: Math.min(13, room * 1.1), color: [...bases].map((base) => legible(BASE_COLOURS[base])) },
  };
}

function axes(letters, motif, distances) {
  const range = [distances[0] - 0.6, distances[distances.length - 1] + 0.6];
  return {
    xaxis: axis("bases from the TSS, on the gene's strand", {
      range, showgrid: false, fixedrange: true, tickformat: ",d", anchor: "y3",
    }),
    yaxis: logoAxis(letters, "importance", { domain: motif.length ? [0.12, 0.6] : [0.16, 1] }),
    ...(motif.length ? { yaxis2: logoAxis(motif, "bits", { domain: [0.66, 1], range: [0, 2.05] }) } : {}),
    yaxis3: axis("", { domain: [0, 0.09], range: [0, 1], fixedrange: true, showticklabels: false, showgrid: false }),
  };
}

addFigure("variant-logo", variantLogo);
