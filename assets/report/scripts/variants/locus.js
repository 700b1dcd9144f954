// The variants of a gene by position, in front of its saturation profile.
import { DOWN, TONE, UP } from "../shared/colours.js";
import { onChange } from "../shared/controls.js";
import { DATA, geneName } from "../shared/data.js";
import { addFigure, chosen, draw } from "../shared/panels.js";
import { countOf, largestAbsolute, largestAt, rangeWithZero } from "../shared/statistics.js";
import { plural, signed } from "../shared/text.js";
import { effectPoints } from "../saturation/effects.js";
import { alongWindow } from "../window/along-window.js";
import { stemWidth, stems } from "../window/stems.js";
import { VIEWS, resetView, viewOf, wireViews, zooming } from "../window/views.js";
import { currentVariant, showVariant } from "./chosen-variant.js";
import { SIGNIFICANT, currentSet, effectOf, effectText, numbersOf, qValueOf, variantName } from "./variant-set.js";

const MARGIN = 500; // bases around the variants of a gene whose position is not known

const colourOf = (effect) => (effect < 0 ? DOWN : UP);

function locusFigure() {
  const set = currentSet(), gene = set.genes[chosen("locus", "Gene")];
  if (!gene) return "No variant was scored.";
  const k = chosen("locus", "Population"), locus = DATA.loci[gene.locus];
  const shown = numbersOf(set, (one) => one.gene === gene.gene).filter((i) => Number.isFinite(effectOf(set, k, i)));
  const points = shown.map((i) => ({ x: set.variants[i].distance, y: effectOf(set, k, i), text: "" }));
  const whole = locus ? [locus.start - 0.5, locus.end + 0.5] : around(points);
  const profile = profileBehind(set, gene, k, viewOf("locus") || whole);
  const figure = alongWindow("locus", {
    locus, whole, yTitle: "effect, log10",
    main: [...profile, ...stems(points, 1.5, [UP, DOWN]), heads(set, k, shown, points)],
  });
  figure.layout.showlegend = false;
  figure.finding = findingOf(set, k, shown);
  const missing = profile.length ? "" : "; the gene's profile is not on this page";
  figure.title = `${geneName(gene.gene)} · ${set.populations[k]}: ${plural(shown.length, "allele")}${missing}`;
  return figure;
}

function findingOf(set, k, shown) {
  const top = shown[largestAt(shown.map((i) => Math.abs(effectOf(set, k, i))))];
  if (top === undefined) return "";
  const sure = countOf(shown, (i) => qValueOf(set, k, i) < SIGNIFICANT);
  return `${sure} of ${plural(shown.length, "allele")} have q < 0.05; the largest effect is that of `
    + `${variantName(set.variants[top])}: ${signed(effectOf(set, k, top))}.`;
}

function around(points) {
  const [first, last] = rangeWithZero(points.map(({ x }) => x));
  return [first - MARGIN, last + MARGIN];
}

// Stems of the gene's profile in the same population, if the page has it.
function profileBehind(set, { gene }, k, range) {
  const model = DATA.saturation.find((one) => one.name === set.model);
  const saturated = model?.genes.find((one) => one.gene === gene);
  const same = saturated ? model.populations.indexOf(set.populations[k]) : -1;
  return same < 0 ? [] : stems(effectPoints(model, saturated, same), stemWidth("locus", range), TONE.pale);
}

// The area of a head is proportional to the size of the effect.
function heads(set, k, shown, points) {
  const largest = largestAbsolute(points.map(({ y }) => y)) || 1;
  const isCurrent = (i) => i === currentVariant();
  return {
    mode: "markers", showlegend: false, x: points.map(({ x }) => x), y: points.map(({ y }) => y),
    customdata: shown, text: shown.map((i) => effectText(set, k, i)), hoverinfo: "text",
    marker: {
      size: points.map(({ y }) => 5 + 10 * Math.sqrt(Math.abs(y) / largest)),
      color: points.map(({ y }) => colourOf(y)),
      symbol: shown.map((i) => (qValueOf(set, k, i) < SIGNIFICANT ? "circle" : "circle-open")),
      line: {
        width: shown.map((i) => (isCurrent(i) ? 3 : 1.2)),
        color: shown.map((i, row) => (isCurrent(i) ? TONE.ink : colourOf(points[row].y))),
      },
    },
  };
}

function onClick({ points }) {
  const variant = points[0].customdata;
  if (variant !== undefined) showVariant(variant);
}

function offeredViews() {
  const at = currentSet().variants[currentVariant()]?.distance ?? 0;
  return [VIEWS[0], ["200 bases around the variant", [at - 100.5, at + 100.5]], ...VIEWS.slice(1)];
}

addFigure("locus", locusFigure, { ...zooming("locus"), plotly_click: onClick });
wireViews("locus", offeredViews);
onChange("locus", "Gene", () => { resetView("locus"); draw("locus"); });
onChange("locus", "Population");
