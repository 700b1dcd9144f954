// Selects above figures: their options, and what a change does.
import { control, draw } from "./panels.js";

const option = (label) => Object.assign(document.createElement("option"), { textContent: label });

// A select with one option says nothing and is hidden.
export function fill(select, labels, start = 0) {
  select.replaceChildren(...labels.map(option));
  select.selectedIndex = labels.length ? start : -1;
  select.parentElement.hidden = labels.length < 2;
}

export function onChange(name, label, then = () => draw(name)) {
  control(name, label).addEventListener("change", then);
}

// A select of named entries; the one of most populations comes first to view, as people come for it.
export function wire(name, label, entries, then) {
  const sizes = entries.map((one) => one.populations?.length ?? 0);
  fill(control(name, label), entries.map((one) => one.name), sizes.indexOf(Math.max(...sizes)));
  onChange(name, label, then);
}
