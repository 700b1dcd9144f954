// What leakage costs: scores with random folds, folds by family and folds by chromosome (Figure S12).
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, isBaseline } from "../shared/data.js";
import { legible } from "../shared/colours.js";
import { axis, rowAxis } from "../shared/layout.js";
import { addFigure, chosen, control } from "../shared/panels.js";
import { median } from "../shared/statistics.js";
import { decimal, pValue, plural, safe, signed } from "../shared/text.js";

const METRICS = ["pearson", "specificity"];
const COLOURS = { random: "#0072B2", family: "#E69F00", chromosome: "#009E73" };

function foldMethods() {
  if (!DATA.fold_methods.length) return "All recipes have the same folds: name a recipe with another fold_method.";
  const metric = METRICS[chosen("fold-methods", "Score")];
  const rows = DATA.fold_methods[chosen("fold-methods", "Level")].rows.filter((row) => row.metric === metric);
  if (!rows.length) return `No ${metric} by fold method at this level.`;
  const methods = [...new Set(rows.flatMap((row) => row.methods))];
  return {
    traces: methods.map((method) => points(rows, method, metric)), finding: findingOf(rows),
    layout: {
      height: rows.length * 34 + 120, showlegend: true, xaxis: axis(metric === "pearson" ? "Pearson r" : metric),
      yaxis: rowAxis(rows.map((row) => row.recipe)),
    },
  };
}

function points(rows, method, metric) {
  const at = rows.map((row, i) => [row, i, row.methods.indexOf(method)]).filter(([, , side]) => side >= 0);
  const says = ([row, , side]) => [
    `${safe(row.recipe)} · folds: ${method}`, `${metric} ${decimal(row.values[side], 3)}`,
    `Δ ${row.methods.join(" − ")} ${decimal(row.delta, 3)}, p ${pValue(row.p_value)}`,
  ].join("<br>");
  return {
    mode: "markers", name: `folds: ${method}`, series: method, x: at.map(([row, , side]) => row.values[side]),
    y: at.map(([, i]) => i), text: at.map(says), hoverinfo: "text",
    marker: { size: 10, color: legible(COLOURS[method] ?? "#8A8F98") },
  };
}

function findingOf(all) {
  const networks = all.filter(({ recipe }) => !isBaseline(recipe)), rows = networks.length ? networks : all;
  const falls = rows.map(({ delta }) => delta), most = rows[falls.indexOf(Math.max(...falls))];
  const verdict = median(falls) > 0.02 ? "models remember relatives of held-out genes" : "leakage costs little here";
  const change = `the score changes by ${signed(-median(falls))} in the median when folds get harder`;
  const worst = `(${signed(-most.delta)}) for ${most.recipe} from ${most.methods.join(" to ")}`;
  return `Over ${plural(rows.length, "comparison")}, ${change}. It falls most, or rises least ${worst}: ${verdict}.`;
}

addFigure("fold-methods", foldMethods);
wire("fold-methods", "Level", DATA.fold_methods);
onChange("fold-methods", "Score");
fill(control("fold-methods", "Score"), DATA.fold_methods.length ? METRICS : []);
