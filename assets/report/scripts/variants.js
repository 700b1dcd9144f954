// The section on variants, of a report that has scores of them.
import "./variants/alleles.js";
import "./variants/logo.js";
import "./variants/locus.js";
import "./variants/variant-map.js";
import "./variants/external.js";
import "./variants/table.js";
