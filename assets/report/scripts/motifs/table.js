// The table of learned motifs with their logos, and the model that it is of.
import { fill } from "../shared/controls.js";
import { DATA } from "../shared/data.js";
import { redraw } from "../shared/panels.js";
import { table } from "../shared/table.js";
import { count, distanceText, pValue, plural, signed } from "../shared/text.js";
import { logoPicture } from "../window/logo.js";
import { currentModel, modelSelect } from "./chosen-model.js";

const nameOf = ({ known_motif: motif, known_motif_name: name }) => (motif === name ? motif : `${motif} · ${name}`);

const KNOWN = [
  { head: "Most like", cell: nameOf },
  { head: "q", numeric: true, cell: (one) => one.known_q_value, format: pValue },
];

// Where the mean weight is largest, whatever its sign.
const strongestIn = ({ weight }) => weight.reduce((best, value, k) => (
  Math.abs(value) > Math.abs(weight[best]) ? k : best
), 0);

function columns({ populations, motifs }) {
  const number = (head, field, format) => ({ head, numeric: true, cell: (one) => one[field], format });
  return [
    { head: "Motif", cell: (one) => one.motif },
    { head: "Logo", cell: (one) => one.consensus, picture: (one) => logoPicture(one.heights, one.consensus) },
    { head: "Consensus", cell: (one) => one.consensus },
    number("Networks", "networks", count),
    number("From", "region_start", distanceText),
    number("To", "region_end", distanceText),
    number("Genes", "genes_matched", count),
    { head: "Strongest in", cell: (one) => populations[strongestIn(one)] },
    { head: "Weight", numeric: true, cell: (one) => one.weight[strongestIn(one)], format: (value) => signed(value) },
    ...(motifs.some((one) => one.known_motif) ? KNOWN : []),
  ];
}

function showModel() {
  const model = currentModel(), [{ total_networks: networks }] = model.motifs;
  const shown = model.motifs.length < model.total ? `, of which the table has ${count(model.motifs.length)}` : "";
  document.getElementById("motif-count").textContent =
    `${plural(model.total, "motif")} of ${plural(networks, "network")} (folds × replicates)${shown}.`;
  table("learned-motifs", columns(model), model.motifs);
  redraw("learned-weights");
}

fill(modelSelect, DATA.motifs.map((one) => one.name));
modelSelect.addEventListener("change", showModel);
showModel();
