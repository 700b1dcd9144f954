// Δ of a population's own model to that of another population, against how alike the two are (Figures 2C, S13B, S17).
import { FAINT, LEVEL_COLOURS, legible } from "../shared/colours.js";
import { wire } from "../shared/controls.js";
import { DATA } from "../shared/data.js";
import { axis } from "../shared/layout.js";
import { addFigure, chosen } from "../shared/panels.js";
import { countOf, pearson, ranks } from "../shared/statistics.js";
import { decimal, pValue, safe, shorten } from "../shared/text.js";

const SHOWN = ["level", "tissue"]; // kinds of comparisons: ancestors of the atlas, and bulk of the tissue

const MODELS = DATA.comparisons.filter((one) => (
  one.kind.some((kind, i) => SHOWN.includes(kind) && Number.isFinite(one.resemblance[i]))
));

function resemblance() {
  if (!MODELS.length) return "No coarser level or bulk predicts these populations: name several levels, or a tissue.";
  const model = MODELS[chosen("resemblance", "Model")];
  const at = model.kind.map((_, i) => i).filter((i) => SHOWN.includes(model.kind[i]));
  const others = [...new Set(at.map((i) => model.other_level[i]))];
  return {
    title: model.name, finding: findingOf(model, at),
    traces: others.map((other, k) => points(model, at.filter((i) => model.other_level[i] === other), other, k)),
    layout: {
      height: 420, showlegend: true, xaxis: axis("r of observed expression of both populations"),
      yaxis: axis("Δ Pearson, own minus other model", { zeroline: true, zerolinecolor: FAINT }),
    },
  };
}

function points(model, at, other, k) {
  const says = (i) => [
    `${safe(model.population[i])} · model of ${safe(model.other[i])}`,
    `Δ ${decimal(model.delta[i], 3)}, p ${pValue(model.p_value[i])}`,
    `r of observed expression ${decimal(model.resemblance[i])}`,
  ].join("<br>");
  const color = legible(LEVEL_COLOURS[k % LEVEL_COLOURS.length]);
  return {
    mode: "markers", name: shorten(`to ${other}`, 34), series: other,
    x: at.map((i) => model.resemblance[i]), y: at.map((i) => model.delta[i]), text: at.map(says), hoverinfo: "text",
    marker: { size: 9, color, symbol: at.map((i) => (model.p_value[i] < 0.05 ? "circle" : "circle-open")) },
  };
}

function findingOf(model, at) {
  const x = at.map((i) => model.resemblance[i]), y = at.map((i) => model.delta[i]);
  const sure = countOf(at, (i) => model.p_value[i] < 0.05);
  const rho = pearson(ranks(x), ranks(y));
  const trend = rho < -0.3 ? "the less a population resembles the other, the more its own model gains"
    : rho > 0.3 ? "own models gain more for populations that resemble the other" : "there is no clear trend";
  return `The own model is ahead in ${countOf(y, (delta) => delta > 0)} of ${at.length}, with p < 0.05 in ${sure}. `
    + `The rank correlation of Δ and resemblance is ${decimal(rho)}: ${trend}.`;
}

addFigure("resemblance", resemblance);
wire("resemblance", "Model", MODELS);
