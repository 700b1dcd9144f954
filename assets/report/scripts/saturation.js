// The section on saturation mutagenesis, in reports that have it.
import "./saturation/profile.js";
import "./saturation/mean-profile.js";
import "./saturation/positions.js";
import "./saturation/motifs.js";
