// The section on bulk and pseudobulk, of a run whose atlases name tissues.
import "./study/agreement.js";
import "./study/distributions.js";
