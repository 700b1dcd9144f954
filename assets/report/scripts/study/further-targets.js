// What further targets gain: correlations per population, of recipes with and without them (paper, Discussion).
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, recipeColour } from "../shared/data.js";
import { axis, rowAxis } from "../shared/layout.js";
import { addFigure, chosen, control } from "../shared/panels.js";
import { median } from "../shared/statistics.js";
import { decimal, pValue, plural, safe, signed } from "../shared/text.js";

const SCORES = DATA.further_targets.length ? DATA.further_targets[0].scores.map(({ score }) => score) : [];

function furtherTargets() {
  if (!SCORES.length) return "No recipe predicts more than the mean: name one with targets mean+fraction+dispersion.";
  const level = DATA.further_targets[chosen("further-targets", "Level")];
  const { score, rows } = level.scores[chosen("further-targets", "Score")];
  if (!rows.length) return `No model has ${score} at this level.`;
  return {
    title: level.name, traces: rows.map((row, i) => points(row, i, level.populations)), finding: findingOf(rows, score),
    layout: {
      height: rows.length * 34 + 120, showlegend: false, xaxis: axis("Pearson r, median over folds"),
      yaxis: rowAxis(rows.map(({ recipe }) => recipe)),
    },
  };
}

function points({ recipe, other, values, deltas, p_values: ps }, i, populations) {
  const says = (k) => [
    `${safe(populations[k])} · ${safe(recipe)}: ${decimal(values[k], 3)}`,
    ...(other ? [`${signed(deltas[k])} against ${safe(other)}, p ${pValue(ps[k])}`] : []),
  ].join("<br>");
  const color = recipeColour(recipe);
  return {
    mode: "markers", name: recipe, series: recipe, x: values, y: values.map(() => i),
    text: values.map((_, k) => says(k)), hoverinfo: "text", marker: { size: 9, opacity: 0.75, color },
  };
}

function findingOf(rows, score) {
  const compared = rows.filter(({ other }) => other);
  if (!compared.length) return `${score}: there is no recipe that differs from one of these in further targets alone.`;
  const changes = compared.map(({ deltas }) => median(deltas.filter(Number.isFinite)));
  const change = median(changes), most = Math.max(...changes), best = compared[changes.indexOf(most)].recipe;
  const verdict = change > 0.005 ? "they help" : change < -0.005 ? "they cost accuracy" : "they change little";
  const over = `in the median over ${plural(compared.length, "recipe")} (at best ${signed(most)}, ${best})`;
  return `${score}: further targets change r by ${signed(change)} ${over}: ${verdict}.`;
}

addFigure("further-targets", furtherTargets);
wire("further-targets", "Level", DATA.further_targets);
onChange("further-targets", "Score");
fill(control("further-targets", "Score"), SCORES);
