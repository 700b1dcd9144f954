// The sections of every report, and when they are drawn; saturation.js and variants.js add theirs.
import "./run/training.js";
import "./run/levels.js";
import "./run/performance.js";
import "./run/coarse.js";
import "./run/transfer.js";
import "./run/scatter.js";
import "./run/variance.js";
import "./run/gene.js";
import { drawInTurn, redrawAll } from "./shared/panels.js";
import { onWidthChange } from "./shared/layout.js";
import "./shared/contents.js";
import "./shared/printing.js";

setTimeout(drawInTurn);
onWidthChange(redrawAll);
