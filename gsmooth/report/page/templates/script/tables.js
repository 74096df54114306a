/** Make a table sortable: each heading becomes a button, largest numbers first. */
function makeSortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  if (table.tBodies[0].rows.length < 2) return;
  headings.forEach((heading, column) => {
    const button = element("button", "sort", heading.textContent);
    button.type = "button";
    heading.replaceChildren(button);
    button.addEventListener("click", () => sortBy(table, headings, column));
  });
}

function sortBy(table, headings, column) {
  const heading = headings[column], numbers = "number" in heading.dataset;
  const before = heading.getAttribute("aria-sort");
  const order = before ? (before === "ascending" ? "descending" : "ascending")
    : (numbers ? "descending" : "ascending");
  headings.forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [left, right] = [a, b].map((row) => valueOf(row.cells[column]));
    const less = typeof left === "number" && typeof right === "number"
      ? left - right : String(left).localeCompare(String(right));
    return sign * less;
  });
  table.tBodies[0].append(...rows);
}

function valueOf(cell) {
  return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
}

/** Copy what is beside a button; without a clipboard it is selected, to be copied by hand. */
async function copyBeside(button) {
  const text = button.parentElement.querySelector("pre");
  getSelection().selectAllChildren(text);
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
}
