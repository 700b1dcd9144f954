// The button that switches between dark and light.
import { isDark, onThemeChange, switchTheme } from "./theme.js";

const button = document.getElementById("theme");

const show = () => { button.textContent = isDark() ? "Light page" : "Dark page"; };

button.hidden = false;
button.addEventListener("click", switchTheme);
onThemeChange(show);
show();
