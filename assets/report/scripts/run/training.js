// Learning curves: loss by epoch.
import { DATA } from "../shared/data.js";
import { wire } from "../shared/controls.js";
import { axis } from "../shared/layout.js";
import { addFigure, chosen } from "../shared/panels.js";
import { median } from "../shared/statistics.js";
import { decimal, percent, plural, safe } from "../shared/text.js";
import { translucent } from "../shared/colours.js";

const CURVES = [
  { field: "train", name: "training", colour: "#009E73" },
  { field: "validation", name: "validation", colour: "#0072B2" },
];
const MANY_RUNS = 30; // more lines than this are drawn fainter

function training() {
  if (!DATA.training.length) return "No learning curves: this run trained no network epoch by epoch.";
  const { runs } = DATA.training[chosen("training", "Model")];
  return {
    traces: [...CURVES.flatMap((curve) => [replicateLines(runs, curve), meanLine(runs, curve)]), keptEpochs(runs)],
    layout: { height: 420, xaxis: axis("epoch"), yaxis: axis("loss") },
    finding: findingOf(runs),
  };
}

function findingOf(runs) {
  const { y } = meanByEpoch(runs, "validation"), least = Math.min(...y);
  const atEnd = runs.filter((run) => run.kept.includes(run.epoch[run.epoch.length - 1])).length;
  const gain = `Validation loss falls by ${percent((y[0] - least) / y[0])} on average, to ${decimal(least, 3)}`;
  const last = `${plural(atEnd, "network")} of ${runs.length} kept the last epoch`;
  const advice = atEnd > runs.length / 2 ? "more epochs may help" : "training was long enough for most";
  const epoch = median(runs.flatMap((run) => run.kept));
  return `${gain}; the median epoch kept is ${decimal(epoch, 0)}. ${last}: ${advice}.`;
}

// The lines of all replicates as one trace; each ends with a gap (null).
function replicateLines(runs, { field, name, colour }) {
  const joined = (what) => runs.flatMap((run) => [...run[what], null]);
  return {
    mode: "lines", name, x: joined("epoch"), y: joined(field), legendgroup: name, showlegend: false, hoverinfo: "skip",
    line: { width: 0.8, color: translucent(colour, runs.length > MANY_RUNS ? 0.2 : 0.4) },
  };
}

function meanLine(runs, { field, name, colour }) {
  return {
    mode: "lines", name: `${name}, mean`, ...meanByEpoch(runs, field), legendgroup: name,
    line: { width: 3, color: colour },
    hovertemplate: `epoch %{x}: ${name} %{y:.3f}<extra></extra>`,
  };
}

function meanByEpoch(runs, field) {
  const sums = new Map();
  runs.forEach((run) => run.epoch.forEach((epoch, i) => {
    const [n, total] = sums.get(epoch) || [0, 0];
    if (Number.isFinite(run[field][i])) sums.set(epoch, [n + 1, total + run[field][i]]);
  }));
  const epochs = [...sums.keys()].sort((a, b) => a - b);
  return { x: epochs, y: epochs.map((epoch) => sums.get(epoch)[1] / sums.get(epoch)[0]) };
}

// A network of a single-task model is also named after its population.
const networkName = ({ fold, replicate, population }) =>
  [`fold ${fold}`, `replicate ${replicate}`, ...(population ? [safe(population)] : [])].join(" · ");

function keptEpochs(runs) {
  const kept = runs.flatMap((run) => run.kept.map((epoch) => (
    { run, epoch, loss: run.validation[run.epoch.indexOf(epoch)] }
  )));
  return {
    mode: "markers", name: "epoch kept", x: kept.map((one) => one.epoch), y: kept.map((one) => one.loss),
    text: kept.map(({ run, epoch, loss }) => (
      `${networkName(run)}: epoch ${epoch} kept, ${decimal(loss, 3)}`
    )),
    hoverinfo: "text", marker: { symbol: "circle-open", size: 6, color: "#D55E00", opacity: 0.8 },
  };
}

addFigure("training", training);
wire("training", "Model", DATA.training);
