// Do genes with a similar promoter among the training genes have smaller errors?
import { wire } from "../shared/controls.js";
import { DATA, isBaseline, isExternal } from "../shared/data.js";
import { addFigure, chosen } from "../shared/panels.js";
import { count, decimal } from "../shared/text.js";
import { bestOf, errorLines } from "./lines.js";

function leakage() {
  if (!DATA.leakage.length) return "Promoters are not among the inputs of this page, or there is one fold.";
  const one = DATA.leakage[chosen("leakage", "Level")];
  const some = one.compared < one.total ? `; a random ${count(one.compared)} of ${count(one.total)} genes` : "";
  return {
    ...errorLines({ ...one, axis: "similarity to the nearest training gene", log: false }),
    title: `${one.name}${some}`, finding: findingOf(one),
  };
}

function findingOf({ x, recipes }) {
  // What another model was trained on is not known.
  const best = bestOf(recipes, (recipe) => isBaseline(recipe) || isExternal(recipe)), last = x.length - 1;
  if (!best || last < 1) return "";
  const base = recipes.find((one) => one.recipe === "mean")?.error;
  const change = (error) => error[last] - error[0];
  const beyond = change(best.error) - (base ? change(base) : 0);
  const verdict = beyond < -Math.max(0.1 * best.error[0], 0.02)
    ? "genes with a similar one in training are predicted better; folds by family (--fold_method) tell how much that is"
    : "there is no sign that similar promoters leak into training";
  const mean = base ? ` (that of the mean of the training genes by ${decimal(change(base))})` : "";
  return `From the least to the most similar tenth of genes, the error of ${best.recipe} changes by `
    + `${decimal(change(best.error))} log10 units${mean}: ${verdict}.`;
}

addFigure("leakage", leakage);
wire("leakage", "Level", DATA.leakage);
