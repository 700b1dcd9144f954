// Correlation of each gene across populations, against its variance across them.
import { FAINT, TONE } from "../shared/colours.js";
import { DATA, geneName, recipeColour } from "../shared/data.js";
import { POINTS, axis } from "../shared/layout.js";
import { decoded } from "../shared/packed.js";
import { addFigure } from "../shared/panels.js";
import { finite, median } from "../shared/statistics.js";
import { decimal, plural, safe, shorten } from "../shared/text.js";
import { currentGene, currentLevel, currentRecipe, showGene } from "./chosen-gene.js";

function variance() {
  if (!DATA.genes.length) {
    return "Correlation across populations needs a level of several populations; this run has none.";
  }
  const level = currentLevel(), shown = currentRecipe();
  const x = decoded(level.log_variance).map((value) => 10 ** value), y = decoded(shown.pearson);
  const at = level.genes.indexOf(currentGene());
  const genes = plural(finite(y).length, "gene");
  return {
    title: `${level.name} · ${shown.recipe}: ${genes}, median r = ${decimal(median(y))}`,
    finding: findingOf(shown, level),
    traces: [
      allGenes(level, x, y),
      ...level.recipes.map((one) => trendLine(one, one === shown)),
      ...(at < 0 ? [] : [ringAround(x[at], y[at], x[at] > median(x))]),
    ],
    layout: {
      height: 460,
      xaxis: axis("variance across populations", { type: "log", exponentformat: "power" }),
      yaxis: axis("Pearson r across populations", { range: [-1.08, 1.15] }),
    },
  };
}

// The ends of the running median: genes that hardly vary, and those that vary most.
function findingOf({ recipe, trend }, { recipes }) {
  if (trend.length < 2) return "";
  const low = trend[0][1], high = trend[trend.length - 1][1];
  const mean = recipes.find((one) => one.recipe === "mean")?.trend;
  const base = mean ? ` The mean of the training genes alone reaches ${decimal(mean[mean.length - 1][1])} there.` : "";
  const better = high > low + 0.05 ? "it predicts best where there is most to predict" : "variable genes are no easier";
  return `${recipe}: the median r is ${decimal(low)} for the least and ${decimal(high)} for the most variable genes: `
    + `${better}.${base}`;
}

function allGenes({ genes }, x, y) {
  return {
    type: POINTS, mode: "markers", name: "gene", showlegend: false, x, y,
    customdata: genes, text: genes.map((gene) => safe(geneName(gene))),
    hovertemplate: "%{text}<br>variance %{x:.3g}<br>r %{y:.2f}<extra></extra>",
    marker: { size: 4, color: FAINT, opacity: x.length > 3000 ? 0.22 : 0.45 },
  };
}

function trendLine({ recipe, trend }, isShown) {
  return {
    type: POINTS, mode: "lines", name: shorten(recipe, 24), x: trend.map(([x]) => x), y: trend.map(([, y]) => y),
    line: { color: recipeColour(recipe), width: isShown ? 4 : 2 }, hoverinfo: "skip",
  };
}

function ringAround(x, y, nameOnLeft) {
  return {
    type: POINTS, mode: "markers+text", showlegend: false, x: [x], y: [y], hoverinfo: "skip", isDecoration: true,
    text: [shorten(geneName(currentGene()), 20)], textposition: nameOnLeft ? "top left" : "top right",
    marker: { symbol: "circle-open", size: 12, color: TONE.ink, line: { width: 2 } },
  };
}

function onClick({ points }) {
  const gene = points[0].customdata;
  if (gene !== undefined) showGene(gene);
}

addFigure("variance", variance, { plotly_click: onClick });
