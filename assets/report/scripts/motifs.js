// The section on learned motifs, of a report that has any.
import "./motifs/weights.js";
import "./motifs/table.js";
