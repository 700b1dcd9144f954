// The search in the contents: any gene or variant that the page knows, as its sections offer them.
import { searchField } from "./search.js";

const input = document.getElementById("search");
const offers = [];

// offered: gives [label, function] pairs; the function shows the entry. section: the id of where it is shown.
export const offerSearch = (section, offered) => offers.push({ section, offered });

function* entries() {
  for (const { section, offered } of offers) {
    for (const [label, show] of offered()) yield [label, () => { show(); go(section, label); }];
  }
}

function go(section, label) {
  const target = document.getElementById(section);
  target.closest("details").open = true;
  target.scrollIntoView();
  document.getElementById("found").textContent = `Shown: ${label}`;
}

searchField(input, document.getElementById("search-offers"), entries, "not among the genes and variants of this page");
// Sections offer what they have when their modules run.
setTimeout(() => { input.parentElement.hidden = !offers.length; });
