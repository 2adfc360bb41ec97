// Click, Enter or Space on a head sorts a table by that column; numbers as numbers, a second time downwards.
// A filterable table, or one of more than 40 rows, gets a field for words, and a choice for each column that has few different values, each of which
// stands in two rows or more on average.
// What is chosen and typed is kept in the address, after "?", so that a link to it shows the same rows; "csv" saves the
// table as it stands. A fold that holds what the address names is opened.
// A table that is wider than its place leaves out what a first reading can do without; a button brings it back.
// Verdict words get their colour here where a table came from Markdown.
const WORDS = ["close", "inside", "near", "apart", "reproduced", "partly", "says little", "undecided", "not reproduced", "holds in print", "fails in print", "not run"];

// A number, alone or with its spread or unit; else the text; null where there is none.
function sortKey(cell) {
  const text = cell.textContent.trim();
  if (text === "" || text === "\u2013") return null;
  const plain = text.replace(/\u2212/g, "-").replace(/,/g, "");
  const number = plain.match(/^>?\s*(-?\d+(\.\d+)?(e-?\d+)?)(\s*%|\s*\u00b1.*)?$/i);
  return number ? parseFloat(number[1]) : text.toLowerCase();
}

function compare(a, b) {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? -1 : 1;
}

// Cells without a value stay last, whichever way the others go.
function order(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null);
  return down ? compare(b, a) : compare(a, b);
}

function sortBy(head) {
  const table = head.closest("table");
  const column = Array.from(head.parentNode.children).indexOf(head);
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows).map((row) => [sortKey(row.cells[column]), row]);
  rows.sort((a, b) => order(a[0], b[0], down));
  for (const [, row] of rows) body.appendChild(row);
}

const FEW = 8, LONG = 40;

function choice(name, values) {
  const select = document.createElement("select");
  select.setAttribute("aria-label", name);
  select.append(new Option(name + ": all", ""));
  for (const value of values) select.append(new Option(value, value));
  return select;
}

// What the address says of the page's tables: "tab-claims-sign.words", "tab-claims-sign.verdict" and so on.
const state = new URLSearchParams(location.search);

function keep(name, value) {
  if (value) state.set(name, value);
  else state.delete(name);
  const said = state.toString();
  history.replaceState(null, "", location.pathname + (said ? "?" + said : "") + location.hash);
}

function addFilters(table) {
  const rows = Array.from(table.tBodies[0].rows);
  const texts = rows.map((row) => Array.from(row.cells).map((cell) => cell.textContent.trim()));
  const heads = Array.from([...table.tHead.rows].at(-1).cells).map((cell) => cell.textContent.trim());
  const bar = document.createElement("div");
  bar.className = "filters";
  const words = document.createElement("input");
  words.type = "search";
  words.placeholder = "words";
  words.setAttribute("aria-label", "words that a row must have");
  bar.append(words);
  const choices = [];
  heads.forEach((name, column) => {
    const values = [...new Set(texts.map((row) => row[column]))].sort();
    if (values.length < 2 || values.length > Math.min(FEW, rows.length / 2)) return;
    const select = choice(name, values);
    choices.push([column, select]);
    bar.append(select);
  });
  const count = document.createElement("span");
  count.setAttribute("aria-live", "polite");
  bar.append(count);
  function apply() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      const all = texts[i].join(" ").toLowerCase();
      const fits = choices.every(([column, select]) => !select.value || texts[i][column] === select.value)
        && wanted.every((word) => all.includes(word));
      row.hidden = !fits;
      shown += fits;
    });
    count.textContent = `${shown} of ${rows.length} rows`;
  }
  const fields = [["words", words], ...choices.map(([column, select]) => [heads[column], select])];
  for (const [name, field] of fields) {
    field.value = state.get(`${table.id}.${name}`) || "";
    if (field.value) unfold(table);
    field.addEventListener("input", () => keep(`${table.id}.${name}`, field.value));
  }
  for (const [, select] of choices) if (select.selectedIndex < 0) select.value = "";  // a value that is not there
  bar.addEventListener("input", apply);
  apply();
  (table.closest(".pst-scrollable-table-container, .scroll") || table).before(bar);
}

// Of a first reading: paper, ours and the word; other readings of ours can wait, too.
const SECONDARY = ["where", "kind", "holds on its own numbers", "diff.", "steps", "metric", "95 % interval"];

// The names of the columns, in the last row of the head, and above them a row of groups where there is one.
function headOf(table) {
  const [names, groups] = [...table.tHead.rows].reverse();
  return { names, groups };
}

function spanOf(group) {
  group.dataset.span ||= group.colSpan;
  return Number(group.dataset.span);
}

function showColumns(table, hidden) {
  const { names, groups } = headOf(table);
  for (const row of [names, ...table.tBodies[0].rows]) [...row.cells].forEach((cell, i) => (cell.hidden = hidden.has(i)));
  let first = 0;
  for (const group of groups ? groups.cells : []) {
    const columns = Array.from({ length: spanOf(group) }, (_, i) => first + i);
    const shown = columns.filter((i) => !hidden.has(i)).length;
    first += columns.length;
    group.hidden = !shown;
    group.colSpan = shown || 1;
  }
}

// Called again when a fold opens: what is folded has no width.
function fit(table) {
  const place = table.closest(".scroll, .pst-scrollable-table-container");
  if (!place || table.dataset.fits || table.scrollWidth <= place.clientWidth) return;
  table.dataset.fits = "asked";
  const heads = [...headOf(table).names.cells].map((cell) => cell.textContent.trim());
  const later = new Set([...heads.keys()].filter((i) => SECONDARY.includes(heads[i]) || heads[i].startsWith("ours, ")));
  if (!later.size) return;
  const button = document.createElement("button");
  button.className = "columns";
  function toggle() {
    const all = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", all);
    button.textContent = all ? "fewer columns" : `${later.size} more columns`;
    showColumns(table, all ? new Set() : later);
  }
  button.addEventListener("click", toggle);
  toggle();
  place.after(button);
}

// A table's rows that are shown, as text; folded parts of a cell are left out, and quotes doubled.
function csv(table) {
  const text = (cell) => {
    const copy = cell.cloneNode(true);
    for (const part of copy.querySelectorAll("details, sup.claim")) part.remove();
    return copy.textContent.trim().replace(/\s+/g, " ").replace(/\u2212/g, "-");
  };
  const { names, groups } = headOf(table);
  const above = groups ? [...groups.cells].flatMap((cell) => Array(spanOf(cell)).fill(text(cell))) : [];
  const heads = [...names.cells].map((cell, i) => (above[i] ? `${above[i]}: ${text(cell)}` : text(cell)));
  const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => [...row.cells].map(text));
  const quoted = (value) => (/[",]/.test(value) ? `"${value.replace(/"/g, '""')}"` : value);
  return [heads, ...rows].map((row) => row.map(quoted).join(",") + "\r\n").join("");
}

function addCsv(table, place) {
  const link = document.createElement("a");
  link.className = "csv";
  link.textContent = "csv";
  link.title = "save the rows shown as comma-separated values";
  link.href = "#";
  link.addEventListener("click", () => {
    link.download = `${location.pathname.split("/").slice(-2).join("-").replace(/\.html$/, "")}-${place + 1}.csv`;
    link.href = URL.createObjectURL(new Blob(["\ufeff" + csv(table)], { type: "text/csv" }));
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  (table.closest(".pst-scrollable-table-container, .scroll") || table).after(link);
}

// Opens the folds around an element.
function unfold(element) {
  for (let fold = element.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}

function openNamed() {
  const named = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  unfold(named);
  named.scrollIntoView();
}

window.addEventListener("hashchange", openNamed);
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("table.sortable").forEach((table, place) => {
    table.id ||= `table-${place + 1}`;
    if (table.matches(".filterable") || table.tBodies[0].rows.length > LONG) addFilters(table);
    addCsv(table, place);
  });
  openNamed();
  document.querySelectorAll("table.sortable").forEach(fit);
  document.addEventListener("toggle", (event) => event.target.querySelectorAll("table.sortable").forEach(fit), true);
  for (const head of document.querySelectorAll("table.sortable thead th")) {
    head.tabIndex = 0;
    head.title = "sort by this column";
    head.addEventListener("click", () => sortBy(head));
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        sortBy(head);
      }
    });
  }
  for (const cell of document.querySelectorAll("table.sortable td")) {
    const word = cell.textContent.trim();
    if (WORDS.includes(word)) cell.classList.add("v-" + word.replace(/ /g, "-"));
  }
});
