// Before printing, unfold and draw everything.
import { drawTheRest, eachPlot, redrawAll } from "./panels.js";

const PAPER_WIDTH = 680;

let folded = [];

window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((details) => { details.open = true; });
  drawTheRest();
  eachPlot((name, plot) => {
    if (name !== "transfer") Plotly.relayout(plot, { width: Math.min(plot.clientWidth, PAPER_WIDTH) });
  });
});

window.addEventListener("afterprint", () => {
  folded.forEach((details) => { details.open = false; });
  redrawAll();
});
