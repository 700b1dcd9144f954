// The part of a promoter window that a figure shows: chosen in its control "View", or by zooming with the mouse.
import { fill, onChange } from "../shared/controls.js";
import { control, draw } from "../shared/panels.js";

// [from, to] by figure; absent if the whole window is in view.
const views = new Map();

// [label, range] each.
export const VIEWS = [
  ["whole window"],
  ["2,000 bases around the TSS", [-1000.5, 1000.5]],
  ["200 bases", [-100.5, 100.5]],
  ["100 bases", [-50.5, 50.5]],
];

export const viewOf = (name) => views.get(name);

export const resetView = (name) => views.delete(name);

export function zoomTo(name, range) {
  if (range) views.set(name, range);
  else views.delete(name);
  draw(name);
}

// Fills the control "View" with what `offered` returns; after zooming with the mouse, it says "as zoomed".
export function wireViews(name, offered = () => VIEWS) {
  const select = control(name, "View");
  select.offered = offered;
  fill(select, [...offered().map(([label]) => label), "as zoomed"]);
  select.lastChild.disabled = true;
  onChange(name, "View", () => zoomTo(name, offered()[select.selectedIndex][1]));
}

// Updates the control "View" to what is in view.
export function showView(name) {
  const select = control(name, "View"), range = views.get(name);
  const at = select.offered().findIndex(([, [from, to] = []]) => from === range?.[0] && to === range?.[1]);
  select.selectedIndex = at < 0 ? select.length - 1 : at;
}

// Listeners for zooming along the window.
export function zooming(name) {
  return {
    plotly_relayout: (change) => {
      const from = change["xaxis.range[0]"];
      if (from !== undefined) zoomTo(name, [from, change["xaxis.range[1]"]]);
      else if (change["xaxis.autorange"]) zoomTo(name);
    },
    plotly_doubleclick: () => setTimeout(() => zoomTo(name)),
  };
}
