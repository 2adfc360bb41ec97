// Click, Enter or Space on a head sorts a table by that column; numbers as numbers, a second time downwards.
// Verdict words get their colour here where a table came from Markdown.
const WORDS = ["close", "near", "apart", "reproduced", "partly", "not reproduced", "not run"];

function sortKey(cell) {
  const text = cell.textContent.trim();
  const number = parseFloat(text.replace(/\u2212/g, "-").replace(/[%,>]/g, ""));
  return Number.isNaN(number) ? text.toLowerCase() : number;
}

function compare(a, b) {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? -1 : 1;
}

function sortBy(head) {
  const table = head.closest("table");
  const column = Array.from(head.parentNode.children).indexOf(head);
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows).map((row) => [sortKey(row.cells[column]), row]);
  rows.sort((a, b) => (down ? compare(b[0], a[0]) : compare(a[0], b[0])));
  for (const [, row] of rows) body.appendChild(row);
}

document.addEventListener("DOMContentLoaded", () => {
  for (const head of document.querySelectorAll("table.sortable thead th")) {
    head.tabIndex = 0;
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
