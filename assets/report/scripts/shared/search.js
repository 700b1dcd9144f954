// Fields that offer what matches the text typed so far, and call a function with the entry that is chosen.

const N_OFFERED = 30;

const option = (label) => Object.assign(document.createElement("option"), { value: label });

// entries: gives a Map of functions by label, anew at each focus. A choice calls its function; `unknown` is what to say
// of a text that is no label.
export function searchField(input, list, entries, unknown) {
  let found = new Map(), labels = [];

  function refresh() {
    found = new Map([...entries()].map(([label, show]) => [label.toLowerCase(), { label, show }]));
    labels = [...found.keys()];
    offer();
  }

  function offer() {
    const text = input.value.trim().toLowerCase();
    const matches = [];
    for (const label of labels) {
      if (matches.length === N_OFFERED) break;
      if (label.includes(text)) matches.push(found.get(label).label);
    }
    list.replaceChildren(...matches.map(option));
  }

  function choose() {
    const text = input.value.trim().toLowerCase(), entry = found.get(text);
    input.setCustomValidity(entry || !text ? "" : unknown);
    if (entry) entry.show();
    else input.reportValidity();
  }

  input.addEventListener("focus", refresh);
  input.addEventListener("input", () => { input.setCustomValidity(""); offer(); });
  input.addEventListener("change", choose);
}
