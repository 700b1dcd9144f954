// Effects of a saturated gene by position.
import { DATA } from "../shared/data.js";
import { decoded } from "../shared/packed.js";
import { chosen } from "../shared/panels.js";
import { distanceText, safe, signed } from "../shared/text.js";
import { onGenome } from "../window/genome.js";

const N_SITES = 12; // strongest sites
const MIN_GAP = 10; // bases between two sites

export const chosenModel = (name) => DATA.saturation[chosen(name, "Model")];

// Largest effects by position in the k-th population, [{x, y, change, text}]. With `minus`, the index of another
// population, the differences at positions where both have the same sign.
export function effectPoints(model, gene, k, minus = -1) {
  const other = minus < 0 ? null : decoded(gene.effect[minus]), locus = DATA.loci[gene.locus];
  const points = [];
  decoded(gene.effect[k]).forEach((effect, i) => {
    const x = Math.round(decoded(gene.distances)[i]), y = other ? effect - other[i] : effect;
    if (!y || (other && effect * other[i] < 0)) return;
    const change = `${gene.bases[x + model.upstream]}>${gene.alternatives[k][i]}`;
    const both = other ? `<br>${signed(effect)} against ${signed(other[i])} (${gene.alternatives[minus][i]})` : "";
    points.push({
      x, y, change, text: `${distanceText(x)} · ${safe(onGenome(locus, x))}<br>${change}: ${signed(y)}${both}`,
    });
  });
  return points;
}

// The largest effects, each standing for the bases around it.
export function strongest(points) {
  const found = [];
  for (const point of [...points].sort((a, b) => Math.abs(b.y) - Math.abs(a.y))) {
    if (found.length === N_SITES) break;
    if (found.every(({ x }) => Math.abs(x - point.x) >= MIN_GAP)) found.push(point);
  }
  return found;
}
