// Predictions of every population by every model, including those of other atlases.
import { TONE } from "../shared/colours.js";
import { wire } from "../shared/controls.js";
import { DATA } from "../shared/data.js";
import { mapHeight, mapSize } from "../shared/heatmap.js";
import { colourBar, columnAxis, rowAxis } from "../shared/layout.js";
import { addFigure, chosen } from "../shared/panels.js";
import { countOf, finite, largestAt, median } from "../shared/statistics.js";
import { decimal, plural, safe } from "../shared/text.js";
import { referencesOf } from "./references.js";

function transfer() {
  if (!DATA.transfer.length) return "No model predicted a population other than its own in this run.";
  const { populations, models, median: z, level } = DATA.transfer[chosen("transfer", "Level")];
  const references = referencesOf(level), columns = [...models, ...references.map(({ name }) => name)];
  const all = z.map((row, i) => [...row, ...references.map(({ values }) => values[i])]);
  const says = (r, i, k) => `${safe(columns[k])} · ${safe(populations[i])}: ${decimal(r, 3)}`;
  return {
    traces: [{
      type: "heatmap", z: all, text: all.map((row, i) => row.map((r, k) => says(r, i, k))), hoverinfo: "text",
      colorscale: "Cividis", xgap: 1, ygap: 1, colorbar: colourBar("r"),
    }],
    finding: findingOf(populations, models, z),
    layout: {
      ...mapSize("transfer", columns.length),
      height: mapHeight(populations.length) + 90,
      xaxis: columnAxis(columns, "model of"),
      yaxis: { ...rowAxis(populations), title: { text: "predicted population" } },
      shapes: [...populations.map((_, i) => frame(i)), edge(models.length)],
    },
  };
}

function findingOf(populations, models, z) {
  const rows = z.filter((row, i) => Number.isFinite(row[i]) && finite(row).length > 1);
  if (!rows.length) return "";
  const leads = z.map((row, i) => row[i] - median(row.filter((_, k) => k !== i))).filter(Number.isFinite);
  const first = countOf(z, (row, i) => largestAt(row) === i), all = plural(populations.length, "population");
  const verdict = `models ${first > populations.length / 2 ? "" : "hardly "}tell these populations apart`;
  return `${first} of ${all} are predicted best by their own model; it leads the median of the others by `
    + `${decimal(median(leads), 3)} in the median: ${verdict}.`;
}

// Between models, and baselines and the noise ceiling.
const edge = (columns) => ({
  type: "line", x0: columns - 0.5, x1: columns - 0.5, yref: "paper", y0: 0, y1: 1, line: { color: TONE.ink, width: 2 },
});

// A frame around the cell of a population and its own model.
function frame(i) {
  return {
    type: "rect", x0: i - 0.5, x1: i + 0.5, y0: i - 0.5, y1: i + 0.5, line: { color: "#D55E00", width: 2 },
  };
}

addFigure("transfer", transfer);
wire("transfer", "Level", DATA.transfer);
