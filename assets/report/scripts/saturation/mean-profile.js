// The mean over genes of the largest absolute effect at each position.
import { N_COLOURS, UP, groupColour, translucent } from "../shared/colours.js";
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA } from "../shared/data.js";
import { axis } from "../shared/layout.js";
import { decoded } from "../shared/packed.js";
import { addFigure, chosen, control, draw } from "../shared/panels.js";
import { largestAt, smoothed } from "../shared/statistics.js";
import { count, distanceText, plural, safe, shorten } from "../shared/text.js";
import { chosenModel } from "./effects.js";

const SMOOTHING = 25; // bases
const MAX_POINTS = 60_000; // of all lines together

function meanProfile() {
  const { populations, mean } = chosenModel("mean-profile"), only = chosen("mean-profile", "Population") - 1;
  if (!mean.genes) return "No position of any gene was saturated.";
  const shown = only < 0 ? populations.map((_, k) => k) : [only];
  const width = chosen("mean-profile", "Smoothing") ? 1 : Math.max(1, Math.round(SMOOTHING / mean.step));
  const stride = Math.max(1, Math.ceil((shown.length * decoded(mean.values[0]).length) / MAX_POINTS));
  const bold = shown.length <= N_COLOURS;
  return {
    title: `${plural(mean.genes, "gene")}${mean.step > 1 ? `, means of ${mean.step} bases` : ""}`,
    finding: findingOf(mean, shown, populations, width),
    traces: shown.map((k) => lineOf(populations[k], thinned(mean, k, width, stride), lineStyle(k, bold), bold)),
    layout: {
      height: 380,
      xaxis: axis("bases from the TSS", { tickformat: ",d" }),
      yaxis: axis("mean largest |effect|, log10", { rangemode: "tozero" }),
    },
  };
}

// Where the first line shown peaks, and how far from the TSS half of it lies.
function findingOf(mean, shown, populations, width) {
  const y = smoothed(decoded(mean.values[shown[0]]), width), x = y.map((_, i) => mean.first + i * mean.step);
  const top = largestAt(y), total = y.reduce((sum, value) => sum + (value || 0), 0);
  let reach = 0, sum = 0;
  for (const i of x.map((_, k) => k).sort((a, b) => Math.abs(x[a]) - Math.abs(x[b]))) {
    sum += y[i] || 0;
    reach = Math.abs(x[i]);
    if (sum >= total / 2) break;
  }
  return `In ${populations[shown[0]]}, effects are largest at ${distanceText(x[top])}; half of their sum lies within `
    + `${count(reach)} bases of the TSS.`;
}

// Every `stride`-th point of a population's running mean.
function thinned(mean, k, width, stride) {
  const y = smoothed(decoded(mean.values[k]), width), at = y.map((_, i) => i).filter((i) => i % stride === 0);
  return { x: at.map((i) => mean.first + i * mean.step + (mean.step - 1) / 2), y: at.map((i) => y[i]) };
}

const lineStyle = (k, bold) =>
  bold ? { width: 1.5, color: groupColour(k) } : { width: 1, color: translucent(UP, 0.35) };

function lineOf(population, { x, y }, line, showlegend) {
  return {
    mode: "lines", name: shorten(population, 24), showlegend, x, y, line,
    meta: safe(population), hovertemplate: "%{meta}<br>%{x:,d}: %{y:.3g}<extra></extra>",
  };
}

function fillPopulations() {
  fill(control("mean-profile", "Population"), ["all", ...chosenModel("mean-profile").populations]);
}

addFigure("mean-profile", meanProfile);
wire("mean-profile", "Model", DATA.saturation, () => { fillPopulations(); draw("mean-profile"); });
["Population", "Smoothing"].forEach((label) => onChange("mean-profile", label));
fill(control("mean-profile", "Smoothing"), [`${SMOOTHING} bases`, "none"]);
fillPopulations();
