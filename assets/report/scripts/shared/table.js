// Tables: filled from the data, sorted by a click on a column header, with rows to choose by mouse or keyboard.
import { decimal } from "./text.js";

const tableBox = (name) => document.querySelector(`[data-table="${name}"]`);

const element = (tag, properties) => Object.assign(document.createElement(tag), properties);

// Fills [data-table=name]. columns: [{head, cell(row), numeric, digits, format, picture(row)}]; choosing a row calls
// `pick` with it. `picture` gives an element to show in place of the cell's text, by which rows are still sorted.
export function table(name, columns, rows, pick) {
  const made = element("table", { className: "sortable" });
  const heads = made.createTHead().insertRow();
  columns.forEach((column) => heads.appendChild(headCell(column)));
  const body = made.createTBody();
  rows.forEach((row) => {
    const line = body.insertRow();
    columns.forEach((column) => fillCell(line.insertCell(), column, row));
    if (pick) makeChoosable(line, row, pick);
  });
  if (rows.length && pick) pickButton(body.rows[0]).tabIndex = 0;
  tableBox(name).replaceChildren(made);
}

export const emptyTable = (name) => tableBox(name).replaceChildren();

function headCell({ head, numeric }) {
  const cell = element("th", { className: numeric ? "n" : "", scope: "col" });
  cell.appendChild(element("button", { type: "button", textContent: head }));
  return cell;
}

function fillCell(cell, column, row) {
  const { numeric, digits, format, picture } = column, value = column.cell(row);
  cell.className = numeric ? "n" : "label";
  cell.textContent = !numeric ? value : format ? format(value) : decimal(value, digits);
  if (numeric || picture) cell.dataset.value = value ?? NaN;
  if (picture) cell.replaceChildren(picture(row));
}

// ---------------------------------------------------------------- rows to choose

const pickButton = (line) => line.querySelector("button");

// The text of the first cell becomes a button. One row of a table is in the Tab order; arrow keys reach the others.
function makeChoosable(line, row, pick) {
  const [first] = line.cells;
  first.replaceChildren(element("button", { type: "button", textContent: first.textContent, tabIndex: -1 }));
  Object.assign(line, { className: "pick", entry: row });
  line.addEventListener("click", () => pick(row));
  line.addEventListener("keydown", moveFocus);
}

function moveFocus(event) {
  const line = event.currentTarget, { rows } = line.parentElement;
  const target = {
    ArrowDown: line.nextElementSibling, ArrowUp: line.previousElementSibling, Home: rows[0], End: rows[rows.length - 1],
  }[event.key];
  if (!target) return;
  event.preventDefault();
  pickButton(target).focus();
  makeTabStop(target);
}

function makeTabStop(line) {
  [...line.parentElement.rows].forEach((other) => { pickButton(other).tabIndex = other === line ? 0 : -1; });
}

// Marks the row of an entry as the chosen one.
export function markChosen(name, entry) {
  tableBox(name).querySelectorAll(".pick").forEach((line) => {
    line.classList.toggle("here", line.entry === entry);
    if (line.entry !== entry) return line.removeAttribute("aria-current");
    line.setAttribute("aria-current", "true");
    makeTabStop(line);
  });
}

// ---------------------------------------------------------------- sorting

const isNumeric = (header) => header.classList.contains("n");

const keyIn = (column) => (line) => line.cells[column].dataset.value ?? line.cells[column].textContent;

// Missing values stay last in either direction.
const byNumber = (key, sign) => (a, b) =>
  Number.isNaN(Number(key(a))) - Number.isNaN(Number(key(b))) || sign * (Number(key(a)) - Number(key(b)));

const byText = (key, sign) => (a, b) => sign * key(a).localeCompare(key(b), undefined, { numeric: true });

// Numbers are sorted from the largest, labels alphabetically; a second click reverses the order.
function sortBy(header) {
  const before = header.getAttribute("aria-sort");
  const falling = before ? before === "ascending" : isNumeric(header);
  [...header.parentElement.cells].forEach((other) => other.removeAttribute("aria-sort"));
  header.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const body = header.closest("table").tBodies[0];
  const compare = isNumeric(header) ? byNumber : byText;
  body.append(...[...body.rows].sort(compare(keyIn(header.cellIndex), falling ? -1 : 1)));
}

// This also serves the tables of the template.
document.addEventListener("click", (event) => {
  const button = event.target.closest(".sortable thead button");
  if (button) sortBy(button.parentElement);
});
