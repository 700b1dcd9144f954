// What the page draws: the JSON in #report-data, made by page_data of report.py.

export const DATA = JSON.parse(document.getElementById("report-data").textContent);

export const geneName = (gene) => DATA.names[gene];

export const networkColour = (network) => DATA.networks.find((one) => one.network === network).colour;

// The networks that any of the rows has, in the order of the page's palette.
export function networksOf(rows) {
  const has = (network) => rows.some((row) => row.networks.some((one) => one.network === network));
  return DATA.networks.map((one) => one.network).filter(has);
}
