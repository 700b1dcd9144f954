// Is the standard deviation of the replicates a measure of the error?
import { FAINT } from "../shared/colours.js";
import { wire } from "../shared/controls.js";
import { DATA, recipeColour } from "../shared/data.js";
import { axis } from "../shared/layout.js";
import { addFigure, chosen } from "../shared/panels.js";
import { decimal, percent, plural, safe } from "../shared/text.js";

function calibration() {
  if (!DATA.calibration.length) return "Predictions of one replicate have no s.d.: train two or more (--replicates).";
  const one = DATA.calibration[chosen("calibration", "Model")], { sd, error, n, recipe } = one;
  const colour = recipeColour(recipe), end = Math.max(...sd);
  return {
    title: one.name, finding: findingOf(one),
    traces: [
      {
        mode: "lines", name: "if the s.d. were the error", x: [0, end], y: [0, end], hoverinfo: "skip",
        isDecoration: true, line: { color: FAINT, width: 1, dash: "dot" },
      },
      {
        mode: "lines+markers", name: safe(recipe), x: sd, y: error, hoverinfo: "text",
        text: sd.map((x, i) => (
          `s.d. ${decimal(x, 3)}<br>error ${decimal(error[i], 3)}<br>${plural(n[i], "prediction")}`
        )),
        line: { color: colour, width: 2 }, marker: { size: 8, color: colour },
      },
    ],
    layout: {
      height: 400, xaxis: axis("s.d. of the replicates, log10", { rangemode: "tozero" }),
      yaxis: axis("root mean squared error, log10", { rangemode: "tozero" }),
    },
  };
}

function findingOf({ sd, error, rank_correlation: rho, within }) {
  const last = sd.length - 1, times = error[last] / sd[last];
  const verdict = rho > 0.3 ? "it ranks predictions by their error" : "it hardly tells good predictions from bad ones";
  const ranks = Number.isFinite(rho) ? ` The rank correlation of both is ${decimal(rho)}: ${verdict}.` : "";
  return `Errors are within one s.d. for ${percent(within[0])} and within two for ${percent(within[1])} of predictions `
    + `(68 and 95 % for a normal distribution of the right width); where the s.d. is largest, the error is `
    + `${decimal(times, 1)} times as large.${ranks} `
    + "Use the prediction intervals, not the s.d., to say how far off a prediction may be.";
}

addFigure("calibration", calibration);
wire("calibration", "Model", DATA.calibration);
