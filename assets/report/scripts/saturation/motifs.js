// By population, how much more important sequence is at the sites of a motif.
import { wire } from "../shared/controls.js";
import { DATA } from "../shared/data.js";
import { divergingMap } from "../shared/heatmap.js";
import { addFigure } from "../shared/panels.js";
import { emptyTable, table } from "../shared/table.js";
import { largestAt } from "../shared/statistics.js";
import { count, pValue, plural, safe, signed } from "../shared/text.js";
import { chosenModel } from "./effects.js";

const MAX_ROWS = 300; // in the table
const SIGNIFICANT = 0.05;

const isSignificant = (q) => Number.isFinite(q) && q < SIGNIFICANT;

const nameOf = ({ motif, name }) => (motif === name ? motif : `${motif} · ${name}`);

function motifs() {
  const { populations, motifs: found } = chosenModel("motifs");
  emptyTable("motifs");
  if (!found.length) return "No motifs were searched for in this run: name a file of motifs with --motifs.";
  const cells = found.flatMap((one) => populations.map((population, k) => ({ one, population, k })));
  table("motifs", COLUMNS, tested(cells).sort(significantFirst).slice(0, MAX_ROWS));
  const says = (one, population, k) => [
    `${safe(nameOf(one))} · ${safe(population)}`,
    `difference ${signed(one.difference[k])}`,
    `q ${pValue(one.q_value[k])}`,
  ].join("<br>");
  return divergingMap("motifs", {
    rows: found.map(nameOf), columns: populations, z: found.map((one) => one.difference), title: "Δ",
    finding: findingOf(found, populations),
    text: found.map((one) => populations.map((population, k) => says(one, population, k))),
    spots: found.flatMap((one, row) => (
      populations.map((_, k) => [k, row]).filter(([k]) => isSignificant(one.q_value[k]))
    )),
  });
}

function findingOf(found, populations) {
  const cells = found.flatMap((one) => populations.map((population, k) => ({ one, population, k })));
  const sure = cells.filter(({ one, k }) => isSignificant(one.q_value[k]));
  if (!sure.length) return "No motif has q < 0.05 in any population: sites of these motifs are no more important.";
  const names = new Set(sure.map(({ one }) => one.motif));
  const top = sure[largestAt(sure.map(({ one, k }) => Math.abs(one.difference[k])))];
  return `${names.size} of the ${plural(found.length, "motif")} drawn have q < 0.05 in a population. The largest `
    + `difference is that of ${nameOf(top.one)} in ${top.population}: ${signed(top.one.difference[top.k])}.`;
}

const tested = (cells) => cells.filter(({ one, k }) => Number.isFinite(one.q_value[k]));

const numeric = (head, field, format) => (
  { head, numeric: true, cell: ({ one, k }) => one[field][k], format: (value) => format(value) }
);

const COLUMNS = [
  { head: "Motif", cell: ({ one }) => one.motif },
  { head: "Name", cell: ({ one }) => one.name },
  { head: "Population", cell: ({ population }) => population },
  numeric("Hits", "hits", count),
  numeric("Importance", "importance", signed),
  numeric("Elsewhere", "background_importance", signed),
  numeric("Difference", "difference", signed),
  numeric("p", "p_value", pValue),
  numeric("q", "q_value", pValue),
];

// Significant ones first, by the size of the difference; then the others, by q.
function significantFirst(a, b) {
  const [qA, qB] = [a, b].map(({ one, k }) => (isSignificant(one.q_value[k]) ? 0 : one.q_value[k]));
  return qA - qB || Math.abs(b.one.difference[b.k]) - Math.abs(a.one.difference[a.k]);
}

addFigure("motifs", motifs);
wire("motifs", "Model", DATA.saturation);
