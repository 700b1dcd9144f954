// Dark or light: as the system prefers, unless the reader has chosen otherwise with the switch in the contents.

const SYSTEM = window.matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

let forcedLight = false;

export const isDark = () => !forcedLight && (root.dataset.theme ? root.dataset.theme === "dark" : SYSTEM.matches);

// Calls `then` as on a light page.
export function asLight(then) {
  forcedLight = true;
  try {
    return then();
  } finally {
    forcedLight = false;
  }
}

const listeners = [];
const tell = () => listeners.forEach((then) => then());

export const onThemeChange = (then) => listeners.push(then);

// The reader's choice, and how to change it without drawing anything anew; undefined follows the system.
export const chosenTheme = () => root.dataset.theme;

export function chooseTheme(theme) {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
}

export function switchTheme() {
  chooseTheme(isDark() ? "light" : "dark");
  tell();
}

SYSTEM.addEventListener("change", tell);
