// What a full match with each learned motif adds to expression, by population.
import { divergingMap } from "../shared/heatmap.js";
import { addFigure } from "../shared/panels.js";
import { countOf, largestAbsolute, largestAt } from "../shared/statistics.js";
import { plural, safe, signed, unsigned } from "../shared/text.js";
import { currentModel } from "./chosen-model.js";

const rowName = ({ motif, consensus }) => `${motif.replace("motif_", "")} · ${consensus}`;

function weights() {
  const { populations, motifs } = currentModel();
  const says = (one, population, k) => [
    `${safe(one.motif)} · ${safe(one.consensus)} · ${safe(population)}`,
    `weight ${signed(one.weight[k])} ± ${unsigned(one.weight_sd[k])}`,
  ].join("<br>");
  return divergingMap("learned-weights", {
    rows: motifs.map(rowName), columns: populations, z: motifs.map((one) => one.weight), title: "weight",
    finding: findingOf(motifs),
    text: motifs.map((one) => populations.map((population, k) => says(one, population, k))),
  });
}

function findingOf(motifs) {
  const up = countOf(motifs, ({ weight }) => weight.every((one) => one >= 0));
  const down = countOf(motifs, ({ weight }) => weight.every((one) => one < 0));
  const sizes = motifs.map(({ weight }) => largestAbsolute(weight)), best = motifs[largestAt(sizes)];
  return `Of ${plural(motifs.length, "motif")}, ${up} raise expression in every population, ${down} lower it in every `
    + `one, and ${motifs.length - up - down} differ in sign. The strongest is ${best.consensus}.`;
}

addFigure("learned-weights", weights);
