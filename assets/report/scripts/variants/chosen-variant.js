// The variant that the section shows, chosen in the table or by a click on its point.
import { fill } from "../shared/controls.js";
import { chosen, control, panelOf, redraw } from "../shared/panels.js";
import { markChosen } from "../shared/table.js";
import { resetView } from "../window/views.js";
import { fillChanges } from "./changes.js";
import { currentSet } from "./variant-set.js";

const FIGURES = ["alleles", "variant-logo", "locus", "variant-map", "external"];

let shown = 0; // index of the variant in the set

export const currentVariant = () => shown;

export function showVariant(i) {
  const set = currentSet();
  shown = i;
  markChosen("variants", i);
  if (set.variants[i]) {
    const population = set.first[i]?.population ?? chosen("locus", "Population");
    fill(control("locus", "Population"), set.populations, population);
    showGeneOf(set, i);
    fillChanges(set, i);
  }
  redraw(...FIGURES.filter(panelOf));
}

// For another gene, the locus first shows its whole window.
function showGeneOf(set, i) {
  const gene = set.genes.findIndex((one) => one.gene === set.variants[i].gene);
  if (gene < 0 || gene === chosen("locus", "Gene")) return;
  control("locus", "Gene").selectedIndex = gene;
  resetView("locus");
}
