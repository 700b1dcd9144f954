// Selects above figures: their options, and the effect of a change.
import { control, draw } from "./panels.js";

const option = (label) => Object.assign(document.createElement("option"), { textContent: label });

// A select with a single option is useless, and is hidden.
export function fill(select, labels, start = 0) {
  select.replaceChildren(...labels.map(option));
  select.selectedIndex = labels.length ? start : -1;
  select.parentElement.hidden = labels.length < 2;
}

export function onChange(name, label, then = () => draw(name)) {
  control(name, label).addEventListener("change", then);
}

// A select of named entries. The one with the most populations is shown first, because it is the most interesting.
export function wire(name, label, entries, then) {
  const sizes = entries.map((one) => one.populations?.length ?? 0);
  fill(control(name, label), entries.map((one) => one.name), sizes.indexOf(Math.max(...sizes)));
  onChange(name, label, then);
}
