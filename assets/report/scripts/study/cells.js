// Performance against the cells and the genes detected of each population (Figures S10, S11).
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, recipeColour } from "../shared/data.js";
import { axis } from "../shared/layout.js";
import { addFigure, chosen, control } from "../shared/panels.js";
import { median, pearson, ranks } from "../shared/statistics.js";
import { TONE } from "../shared/colours.js";
import { count, decimal, safe, shorten } from "../shared/text.js";

const AGAINST = [["cells", "cells"], ["genes detected", "genes_detected"]];
const LEVELS = DATA.performance.filter(({ populations }) => populations.length > 1);

function cells() {
  if (!LEVELS.length) return "This figure needs a level of several populations.";
  const level = LEVELS[chosen("cells", "Level")], [name, field] = AGAINST[chosen("cells", "Against")];
  const x = level[field];
  const series = level.recipes.map(({ recipe, pearson: r }) => (
    { name: recipe, y: r.map(median), color: recipeColour(recipe), symbol: "circle" }
  ));
  const ceiling = { name: "noise ceiling", y: level.ceilings, color: TONE.ink, symbol: "line-ew-open" };
  return {
    title: level.name, finding: findingOf(series[0], x, name),
    traces: [...series, ceiling].map((one) => points(one, x, level, name)),
    layout: {
      height: 420, xaxis: axis(name, { type: "log" }), yaxis: axis("Pearson r, median over folds"), showlegend: true,
    },
  };
}

function points({ name, y, color, symbol }, x, { populations }, against) {
  const says = (i) => `${safe(populations[i])} · ${safe(name)}: ${decimal(y[i], 3)}<br>${count(x[i])} ${against}`;
  return {
    mode: "markers", name: shorten(name, 24), series: name, x, y, text: populations.map((_, i) => says(i)),
    hoverinfo: "text", marker: { size: 9, color, symbol, line: { width: 2, color } },
  };
}

function findingOf({ name, y }, x, against) {
  const rho = pearson(ranks(x), ranks(y));
  if (y.length < 5) return `${name}: there are too few populations to judge whether ${against} limit r.`;
  if (!Number.isFinite(rho)) return `${name}: all populations have the same number of ${against}.`;
  const verdict = rho > 0.5 ? `populations with few ${against} are predicted worse`
    : rho < -0.5 ? `populations with many ${against} are predicted worse` : `${against} do not decide how good r is`;
  return `The rank correlation of r of ${name} with ${against} is ${decimal(rho)} over ${y.length} populations: `
    + `${verdict}.`;
}

addFigure("cells", cells);
wire("cells", "Level", LEVELS);
onChange("cells", "Against");
fill(control("cells", "Against"), LEVELS.length ? AGAINST.map(([name]) => name) : []);
