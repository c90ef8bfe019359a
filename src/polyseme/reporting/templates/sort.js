"use strict";
// Headers become buttons that sort their column; without scripts the tables are still complete.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  if (body.rows.length < 2) continue;
  headers.forEach((header, n) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    const key = (row) => row.cells[n].dataset.sort ?? row.cells[n].textContent;
    button.addEventListener("click", () => {
      const numeric = header.classList.contains("number");
      const before = header.getAttribute("aria-sort");
      const order = before ? (before === "ascending" ? -1 : 1) : numeric ? -1 : 1;
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (numeric && (x === "" || y === "")) return (x === "") - (y === "");
        return order * (numeric ? x - y : x.localeCompare(y, "en", { numeric: true }));
      };
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", order === 1 ? "ascending" : "descending");
      body.append(...[...body.rows].sort(compare));
    });
  });
}
