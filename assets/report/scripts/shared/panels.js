// Panels: a figure, its controls, and how it is drawn.
import { CONFIG, figureLayout, narrow } from "./layout.js";
import { asLight, isDark } from "./theme.js";

const panels = new Map([...document.querySelectorAll("[data-plot]")].map((panel) => [panel.dataset.plot, panel]));
const figures = new Map();
const drawn = new Set();
const current = new Map(); // what build returned last

// `build` returns {traces, layout, title, finding}, or a sentence if there is nothing to draw; "" hides the panel.
// finding: what the numbers say, in a sentence below the figure.
// `listeners`: functions by Plotly's event.
export function addFigure(name, build, listeners = {}) {
  figures.set(name, { build, listeners });
}

export const panelOf = (name) => panels.get(name);
export const plotWidth = (name) => panels.get(name).querySelector(".plot").clientWidth;
export const control = (name, label) => panels.get(name).querySelector(`[data-control="${label}"]`);
export const chosen = (name, label) => Math.max(0, control(name, label).selectedIndex);

export function draw(name) {
  drawn.add(name);
  const figure = figures.get(name).build();
  current.set(name, figure);
  panels.get(name).hidden = figure === "";
  if (typeof figure === "string") showSentence(name, figure);
  else showFigure(name, figure);
}

function showSentence(name, sentence) {
  const panel = panels.get(name), plot = panel.querySelector(".plot");
  panel.classList.add("blank");
  [".plot-title", ".finding"].forEach((part) => showText(panel.querySelector(part), ""));
  Plotly.purge(plot);
  plot.listening = false;
  plot.classList.add("empty");
  plot.textContent = sentence;
}

function showText(element, text) {
  element.hidden = !text;
  element.textContent = text;
}

function showFigure(name, { traces, layout, title = "", finding = "" }) {
  const panel = panels.get(name), plot = panel.querySelector(".plot");
  panel.classList.remove("blank");
  showText(panel.querySelector(".plot-title"), title);
  showText(panel.querySelector(".finding"), finding);
  plot.classList.remove("empty");
  if (!plot.classList.contains("js-plotly-plot")) plot.textContent = "";
  plot.style.minHeight = "0";
  Plotly.react(plot, traces, figureLayout(layout), { ...CONFIG, displayModeBar: narrow() ? false : "hover" });
  if (plot.listening) return;
  plot.listening = true;
  Object.entries(figures.get(name).listeners).forEach(([event, then]) => plot.on(event, then));
}

// What a figure is drawn from: {traces, layout, title, finding}.
export const figureOf = (name) => current.get(name);

// The same in the colours of a light page, with all of its layout.
export function lightFigureOf(name) {
  const again = isDark();
  return asLight(() => {
    const { traces, layout } = again ? figures.get(name).build() : current.get(name);
    return { traces, layout: figureLayout(layout) };
  });
}

// Redraws those of the panels that have been drawn.
export function redraw(...names) {
  names.filter((name) => drawn.has(name)).forEach(draw);
}

export function redrawAll() {
  redraw(...panels.keys());
}

const nextUndrawn = () => [...panels.keys()].find((name) => !drawn.has(name));

// Draws from top to bottom, with a pause after each panel so that the page stays responsive.
export function drawInTurn() {
  const name = nextUndrawn();
  if (name === undefined) return;
  draw(name);
  setTimeout(drawInTurn, 20);
}

export function drawTheRest() {
  for (let name = nextUndrawn(); name !== undefined; name = nextUndrawn()) draw(name);
}

// Calls `then` with the name and the element of each plot that is drawn.
export function eachPlot(then) {
  panels.forEach((panel, name) => {
    const plot = panel.querySelector(".js-plotly-plot");
    if (plot) then(name, plot);
  });
}
