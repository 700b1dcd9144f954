// The buttons below a figure: its data as TSV, and its image as SVG.
import { figureOf, lightFigureOf, plotWidth } from "./panels.js";
import { asTsv, figureTable } from "./figure-data.js";

function save(content, type, name) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// Points that WebGL draws on the page are shapes in the image.
const asShapes = (trace) => (trace.type === "scattergl" ? { ...trace, type: "scatter" } : trace);

async function saveImage(name) {
  const { traces, layout } = lightFigureOf(name), width = layout.width ?? plotWidth(name);
  const figure = { data: traces.map(asShapes), layout };
  const svg = await Plotly.toImage(figure, {
    format: "svg", width, height: layout.height ?? 450, imageDataOnly: true,
  });
  save(svg, "image/svg+xml", `${name}.svg`);
}

const saveData = (name) => save(asTsv(figureTable(figureOf(name))), "text/tab-separated-values", `${name}.tsv`);

document.addEventListener("click", (event) => {
  const { save: kind } = event.target.dataset ?? {};
  if (!kind) return;
  const name = event.target.closest("[data-plot]").dataset.plot;
  if (kind === "data") saveData(name);
  else saveImage(name);
});
