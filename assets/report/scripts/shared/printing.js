// Before printing, unfold and draw everything, on a light page.
import { drawTheRest, eachPlot, redrawAll } from "./panels.js";
import { chooseTheme, chosenTheme, isDark } from "./theme.js";

const PAPER_WIDTH = 680;

let folded = [], theme;

window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((details) => { details.open = true; });
  const wasDark = isDark();
  theme = chosenTheme();
  chooseTheme("light");
  if (wasDark) redrawAll();
  drawTheRest();
  eachPlot((name, plot) => {
    if (name !== "transfer") Plotly.relayout(plot, { width: Math.min(plot.clientWidth, PAPER_WIDTH) });
  });
});

window.addEventListener("afterprint", () => {
  folded.forEach((details) => { details.open = false; });
  chooseTheme(theme);
  redrawAll();
});
