// What a full match with each learned motif adds to expression, by population.
import { divergingMap } from "../shared/heatmap.js";
import { addFigure } from "../shared/panels.js";
import { safe, signed, unsigned } from "../shared/text.js";
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
    text: motifs.map((one) => populations.map((population, k) => says(one, population, k))),
  });
}

addFigure("learned-weights", weights);
