// What `make lint-report` checks the report's scripts against: eslint's recommended rules, and these.
import { createRequire } from "node:module";

// The rules that the running eslint brings: this file lies outside of its folder.
const js = createRequire(process.argv[1])("@eslint/js");

const browser = [
  "Blob", "DataView", "IntersectionObserver", "Plotly", "URL", "atob", "document", "setTimeout", "window",
];

export default [
  js.configs.recommended,
  {
    languageOptions: { globals: Object.fromEntries(browser.map((name) => [name, "readonly"])) },
    rules: {
      "max-len": ["error", 120],
      "max-lines": ["error", 200],
      "max-lines-per-function": ["error", 40],
      "max-params": ["error", 6],
      "no-param-reassign": "error",
      "no-restricted-properties": ["error", { property: "innerHTML" }, { property: "insertAdjacentHTML" }],
      "no-shadow": "error",
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: "error",
    },
  },
];
