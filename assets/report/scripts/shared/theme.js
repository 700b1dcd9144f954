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

export function switchTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  tell();
}

SYSTEM.addEventListener("change", tell);
