// Effects of a saturated gene by position.
import { DATA } from "../shared/data.js";
import { decoded } from "../shared/packed.js";
import { chosen } from "../shared/panels.js";
import { distanceText, safe, signed } from "../shared/text.js";
import { onGenome } from "../window/genome.js";

export const chosenModel = (name) => DATA.saturation[chosen(name, "Model")];

// Largest effects by position in the k-th population, [{x, y, change, text}]. With `minus`, the number of another
// population, what remains of them where both have the same sign.
export function effectPoints(model, gene, k, minus = -1) {
  const other = minus < 0 ? null : decoded(gene.effect[minus]), locus = DATA.loci[gene.locus];
  const points = [];
  decoded(gene.effect[k]).forEach((effect, i) => {
    const x = Math.round(decoded(gene.distances)[i]), y = other ? effect - other[i] : effect;
    if (!y || (other && effect * other[i] < 0)) return;
    const change = `${gene.letters[x + model.upstream]}>${gene.alternatives[k][i]}`;
    const both = other ? `<br>${signed(effect)} against ${signed(other[i])} (${gene.alternatives[minus][i]})` : "";
    points.push({
      x, y, change, text: `${distanceText(x)} · ${safe(onGenome(locus, x))}<br>${change}: ${signed(y)}${both}`,
    });
  });
  return points;
}
