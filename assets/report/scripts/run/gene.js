// One gene: observed and predicted expression by population, as rows and as a scatter.
import { TONE, groupColour, groupSymbol } from "../shared/colours.js";
import { geneName, recipeColour } from "../shared/data.js";
import { axis, rowAxis } from "../shared/layout.js";
import { addFigure } from "../shared/panels.js";
import { countOf, finite, largestAt, mean, pearson } from "../shared/statistics.js";
import { decimal, plural, safe, shorten } from "../shared/text.js";
import { currentGene, geneValues } from "./chosen-gene.js";

const says = ({ populations, observed, predicted }, i) =>
  `${safe(populations[i])}<br>observed ${decimal(observed[i])}<br>predicted ${decimal(predicted[i])}`;

function byPopulation() {
  const gene = geneValues();
  if (typeof gene === "string") return gene;
  const { populations, recipe, observed, predicted } = gene;
  const order = populations.map((_, i) => i).sort((a, b) => observed[b] - observed[a]);
  const r = decimal(pearson(observed, predicted));
  return {
    title: `${geneName(currentGene())} · ${recipe}: r = ${r} across ${plural(populations.length, "population")}`,
    finding: ranking(gene),
    traces: [links(gene, order), observedPoints(gene, order), predictedPoints(gene, order)],
    layout: {
      height: populations.length * 22 + 110, xaxis: axis("expression, log10"),
      yaxis: rowAxis(order.map((i) => populations[i])),
    },
  };
}

function ranking({ populations, observed, predicted }) {
  const seen = largestAt(observed), wanted = largestAt(predicted);
  if (seen < 0 || wanted < 0) return "";
  const same = seen === wanted;
  return same
    ? `Expression is highest in ${populations[seen]}, as predicted.`
    : `Expression is highest in ${populations[seen]}, but predicted to be highest in ${populations[wanted]}.`;
}

// From observed to predicted in each row.
function links({ observed, predicted }, order) {
  return {
    mode: "lines", x: order.flatMap((i) => [observed[i], predicted[i], null]),
    y: order.flatMap((_, row) => [row, row, null]),
    hoverinfo: "skip", showlegend: false, isDecoration: true, line: { color: TONE.line, width: 3 },
  };
}

function inRows(name, gene, values, order) {
  return {
    mode: "markers", name, x: order.map((i) => values[i]), y: order.map((_, row) => row),
    text: order.map((i) => says(gene, i)), hoverinfo: "text",
  };
}

function observedPoints(gene, order) {
  return { ...inRows("observed", gene, gene.observed, order), marker: { size: 9, color: TONE.ink } };
}

function predictedPoints(gene, order) {
  const color = recipeColour(gene.recipe), { sd } = gene;
  return {
    ...inRows("predicted", gene, gene.predicted, order), marker: { size: 9, symbol: "diamond", color },
    error_x: sd ? { type: "data", array: order.map((i) => sd[i]), thickness: 1, width: 3, color } : undefined,
  };
}

function asScatter() {
  const gene = geneValues();
  if (typeof gene === "string") return ""; // the panel beside it says why
  const parents = [...new Set(gene.parents)];
  return {
    traces: parents.map((parent, k) => childrenOf(parent, gene, k)),
    finding: closeness(gene),
    layout: {
      height: 400, showlegend: parents.length > 1, xaxis: axis("observed, log10"), yaxis: axis("predicted, log10"),
    },
  };
}

const THREEFOLD = Math.log10(3);

function closeness({ observed, predicted }) {
  const errors = finite(observed.map((value, i) => Math.abs(value - predicted[i])));
  const near = countOf(errors, (error) => error <= THREEFOLD);
  return `${near} of ${plural(errors.length, "population")} are predicted within threefold of the observed expression; `
    + `the mean error is ${decimal(mean(errors))} log10 units.`;
}

function childrenOf(parent, gene, k) {
  const children = gene.parents.map((_, i) => i).filter((i) => gene.parents[i] === parent);
  return {
    mode: "markers", name: shorten(parent || "no parent", 24),
    x: children.map((i) => gene.observed[i]), y: children.map((i) => gene.predicted[i]),
    text: children.map((i) => says(gene, i)), hoverinfo: "text",
    marker: { size: 10, color: groupColour(k), symbol: groupSymbol(k) },
  };
}

addFigure("gene", byPopulation);
addFigure("gene-scatter", asScatter);
