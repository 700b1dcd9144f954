// Where predictions fail: mean errors by expression, length, composition and cells.
import { fill, onChange, wire } from "../shared/controls.js";
import { DATA, isBaseline } from "../shared/data.js";
import { addFigure, chosen, control, draw } from "../shared/panels.js";
import { largestAt } from "../shared/statistics.js";
import { decimal, signed } from "../shared/text.js";
import { aheadIn, bestOf, errorLines } from "./lines.js";

const currentLevel = () => DATA.errors[chosen("errors", "Level")];
const currentTrait = () => currentLevel().traits[chosen("errors", "By")];

function errors() {
  if (!DATA.errors.length) return "No predictions in this run.";
  const trait = currentTrait();
  if (!trait.x.length) return "No gene has this trait.";
  return { ...errorLines(trait), finding: findingOf(trait), title: `${currentLevel().name}: error by ${trait.trait}` };
}

function findingOf(trait) {
  const { recipes, x, labels } = trait, best = bestOf(recipes, isBaseline);
  if (!best) return "";
  const high = largestAt(best.error), low = largestAt(best.error.map((error) => -error));
  const named = (i) => (labels ? labels[i] : `${trait.trait} ${signed(x[i], 2).replace("+", "")}`);
  return `${best.recipe} errs most at ${named(high)} (${decimal(best.error[high])} log10 units) and least at `
    + `${named(low)} (${decimal(best.error[low])}). ${aheadIn(best, recipes, isBaseline)}`;
}

function fillTraits() {
  fill(control("errors", "By"), (currentLevel()?.traits ?? []).map((one) => one.trait));
}

addFigure("errors", errors);
wire("errors", "Level", DATA.errors, () => { fillTraits(); draw("errors"); });
onChange("errors", "By");
fillTraits();
