document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll("button.copy").forEach(
  (button) => button.addEventListener("click", () => copyBeside(button)));
const grid = new Grid();
grid.take(0);
const runs = document.querySelector("#filters select[name=run]");
if (runs) {
  runs.addEventListener("input", (event) => {
    event.stopPropagation();
    grid.take(Number(runs.value));
  });
}
