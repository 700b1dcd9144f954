// Mean effects in bins of 50 bases, by population.
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, geneName } from "../shared/data.js";
import { axis, colourBar, rowAxis } from "../shared/layout.js";
import { decoded } from "../shared/packed.js";
import { addFigure, chosen, control, draw } from "../shared/panels.js";
import { countOf, largestAt } from "../shared/statistics.js";
import { distanceText, plural, safe, unsigned } from "../shared/text.js";
import { chosenModel } from "./effects.js";

const BIN = 50; // bases, as in saturation_figures.py

function positions() {
  const model = chosenModel("positions"), gene = chosen("positions", "Gene") - 1;
  const { first, values } = gene < 0 ? model.mean.bins : model.genes[gene].bins;
  const z = values.map(decoded);
  if (!z.length || !z[0].length) return "No position was saturated.";
  const starts = z[0].map((_, i) => first + BIN * i);
  const bins = starts.map((start) => `${distanceText(start)} to ${distanceText(start + BIN - 1)}`);
  const says = (effect, i, k) => `${safe(model.populations[k])}<br>${bins[i]}: ${unsigned(effect)}`;
  return {
    finding: findingOf(model, z, bins),
    traces: [{
      type: "heatmap", x: starts.map((start) => start + BIN / 2), z, hoverinfo: "text",
      text: z.map((row, k) => row.map((effect, i) => says(effect, i, k))),
      colorscale: "Cividis", colorbar: colourBar("|effect|"),
    }],
    layout: {
      height: model.populations.length * 22 + 130,
      xaxis: axis("bases from the TSS", { tickformat: ",d", showgrid: false }),
      yaxis: rowAxis(model.populations),
    },
  };
}

function findingOf({ populations }, z, bins) {
  const tops = z.map(largestAt), counts = bins.map((_, i) => countOf(tops, (top) => top === i));
  const first = largestAt(counts);
  return `The strongest bin is ${bins[first]} in ${counts[first]} of ${plural(populations.length, "population")}.`;
}

function fillGenes() {
  const genes = chosenModel("positions").genes.map(({ gene }) => geneName(gene));
  fill(control("positions", "Gene"), ["mean over genes", ...genes]);
}

addFigure("positions", positions);
wire("positions", "Model", DATA.saturation, () => { fillGenes(); draw("positions"); });
onChange("positions", "Gene");
fillGenes();
