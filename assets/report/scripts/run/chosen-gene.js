// The gene that the section shows, and its values. It is chosen in the table, by name, or by a click on its point.
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, geneName } from "../shared/data.js";
import { decoded } from "../shared/packed.js";
import { chosen, control, redraw } from "../shared/panels.js";
import { offerSearch } from "../shared/search-page.js";
import { searchField } from "../shared/search.js";
import { markChosen, table } from "../shared/table.js";
import { count } from "../shared/text.js";

const input = document.getElementById("gene");

let shownGene;
export const currentGene = () => shownGene;

export const currentLevel = () => DATA.genes[chosen("variance", "Level")];
export const currentRecipe = () => currentLevel().recipes[chosen("variance", "Recipe")];
const currentPredictions = () => DATA.predictions.find((one) => one.name === currentLevel()?.name);

export function showGene(gene) {
  shownGene = gene;
  input.value = geneName(gene);
  input.setCustomValidity("");
  markChosen("top", gene);
  redraw("variance", "gene", "gene-scatter");
}

// {populations, parents, recipe, observed, predicted, sd} of the gene, or a sentence if the page lacks its values.
export function geneValues() {
  if (!DATA.genes.length) return "No level has several populations, so no gene is shown.";
  const level = currentPredictions();
  if (!level) return "No predictions of this level.";
  const at = level.genes.indexOf(shownGene);
  if (at < 0) return `${geneName(shownGene) ?? "This gene"} ${notOnPage(level)}`;
  const { recipe } = currentRecipe();
  const model = level.recipes.find((one) => one.recipe === recipe) || level.recipes[0];
  if (at >= decoded(model.predicted[0]).length) return `${geneName(shownGene)} ${notOfBaseline(level, model)}`;
  const pick = (vectors) => (vectors ? vectors.map((vector) => decoded(vector)[at]) : null);
  return {
    ...level, recipe: model.recipe,
    observed: pick(level.observed), predicted: pick(model.predicted), sd: pick(model.sd),
  };
}

const notOnPage = (level) =>
  `is not among the ${count(level.genes.length)} of ${count(level.total)} genes whose values are on this page `
  + `(a random ${count(level.drawn)} and the most variable); its values are in the run's predictions folder.`;

const notOfBaseline = ({ drawn }, { recipe }) =>
  `has no prediction of the baseline ${recipe} on this page, which has those of a random ${count(drawn)} genes and the `
  + "most variable ones; all are in the run's predictions folder.";

function topTable(level) {
  const row = new Map(level.genes.map((gene, i) => [gene, i]));
  const variances = decoded(level.log_variance);
  table("top", [
    { head: "Gene", cell: geneName },
    { head: "Variance", numeric: true, cell: (gene) => 10 ** variances[row.get(gene)] },
    ...level.recipes.map(({ recipe, pearson }) => (
      { head: `r, ${recipe}`, numeric: true, cell: (gene) => decoded(pearson)[row.get(gene)] }
    )),
  ], level.top, showGene);
}

function fillControls() {
  const level = currentLevel();
  fill(control("variance", "Recipe"), level ? level.recipes.map((one) => one.recipe) : []);
  input.parentElement.hidden = !genesOnPage().length;
  if (!level) return;
  topTable(level);
  showGene(level.top[0]);
}

// [name, function that shows it] of each gene with values on the page, for the level that is shown.
const genesOnPage = () => (currentPredictions()?.genes ?? []).map((gene) => [geneName(gene), () => showGene(gene)]);

wire("variance", "Level", DATA.genes, fillControls);
onChange("variance", "Recipe", () => redraw("variance", "gene", "gene-scatter"));
searchField(input, document.getElementById("gene-names"), genesOnPage, "not among the genes of this page");
offerSearch("one-gene", genesOnPage);
fillControls();
