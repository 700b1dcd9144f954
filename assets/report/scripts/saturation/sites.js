// A table of the strongest sites of a profile; choosing one zooms to it.
import { DATA } from "../shared/data.js";
import { chosen, panelOf } from "../shared/panels.js";
import { table } from "../shared/table.js";
import { distanceText, signed } from "../shared/text.js";
import { onGenome } from "../window/genome.js";
import { zoomTo } from "../window/views.js";
import { strongest } from "./effects.js";

const FLANK = 30; // bases shown on either side of a site

let shown; // the choices behind the table, which zooming does not change

export function fillSites(points, gene) {
  const key = ["Model", "Gene", "Population", "Minus"].map((label) => chosen("profile", label)).join();
  if (shown === key) return;
  shown = key;
  table("sites", [
    { head: "Position", cell: ({ x }) => onGenome(DATA.loci[gene.locus], x) || distanceText(x) },
    { head: "From TSS", numeric: true, cell: ({ x }) => x, format: distanceText },
    { head: "Substitution", cell: ({ change }) => change },
    { head: "Effect, log10", numeric: true, cell: ({ y }) => y, format: (effect) => signed(effect) },
  ], strongest(points), zoomToSite);
}

function zoomToSite({ x }) {
  zoomTo("profile", [x - FLANK - 0.5, x + FLANK + 0.5]);
  panelOf("profile").scrollIntoView({ block: "nearest" });
}
