// The section on variants, in reports that have variant scores.
import "./variants/alleles.js";
import "./variants/logo.js";
import "./variants/locus.js";
import "./variants/variant-map.js";
import "./variants/external.js";
import "./variants/table.js";
