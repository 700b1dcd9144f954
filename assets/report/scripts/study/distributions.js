// How observed expression is distributed over genes (paper, Figures S2, S4).
import { N_COLOURS, groupColour } from "../shared/colours.js";
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA } from "../shared/data.js";
import { axis } from "../shared/layout.js";
import { addFigure, chosen, control } from "../shared/panels.js";
import { median } from "../shared/statistics.js";
import { decimal, percent, safe, shorten } from "../shared/text.js";

const TWO_MODES = 5 / 9; // Sarle's coefficient of a uniform distribution: above it, there are probably two modes

function distributions() {
  const levels = DATA.distributions;
  if (!levels.length) return "Distributions are not among the tables of this run.";
  const level = levels[chosen("distributions", "Level")], beside = levels[chosen("distributions", "Beside") - 1];
  const lines = [...linesOf(level, "solid", 0), ...(beside && beside !== level ? linesOf(beside, "dot", 3) : [])];
  return {
    traces: lines, finding: [level, beside].filter((one, i, all) => one && all.indexOf(one) === i).map(says).join(" "),
    layout: {
      height: 400, xaxis: axis("observed expression, log10"), yaxis: axis("share of genes", { rangemode: "tozero" }),
    },
  };
}

function linesOf({ name, populations, x, share }, dash, first) {
  return populations.map((population, k) => ({
    mode: "lines", name: shorten(population, 24), series: `${name} · ${population}`, x, y: share[k],
    showlegend: k < N_COLOURS, meta: safe(`${name} · ${population}`),
    hovertemplate: "%{meta}<br>%{x:.2f}: %{y:.3f}<extra></extra>",
    line: { color: groupColour(first + k), width: 2, dash },
  }));
}

function says({ name, at_floor: floor, bimodality }) {
  const shape = median(bimodality) > TWO_MODES ? "two modes, silent and expressed genes" : "no clear second mode";
  return `${name}: ${percent(median(floor))} of genes at the floor, coefficient of bimodality `
    + `${decimal(median(bimodality))} (medians over populations): ${shape}.`;
}

addFigure("distributions", distributions);
wire("distributions", "Level", DATA.distributions);
onChange("distributions", "Beside");
fill(control("distributions", "Beside"), DATA.distributions.length > 1
  ? ["nothing", ...DATA.distributions.map((one) => one.name)] : []);
