// The section on saturation mutagenesis, of a report that has one.
import "./saturation/profile.js";
import "./saturation/mean-profile.js";
import "./saturation/positions.js";
import "./saturation/motifs.js";
