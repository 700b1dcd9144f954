// What every report has: when its figures are drawn, the contents and the switch between dark and light. trained.js,
// motifs.js, saturation.js and variants.js add the figures of their sections.
import { drawInTurn, redrawAll } from "./shared/panels.js";
import { onWidthChange } from "./shared/layout.js";
import { onThemeChange } from "./shared/theme.js";
import "./shared/theme-switch.js";
import "./shared/contents.js";
import "./shared/search-page.js";
import "./shared/downloads.js";
import "./shared/printing.js";

setTimeout(drawInTurn);
onWidthChange(redrawAll);
onThemeChange(redrawAll);
