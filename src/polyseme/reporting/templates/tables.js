// Tables that sort and filter; those of very many rows are drawn from data, a window at a time.
const tables = (() => {
  const WINDOW = 100, FEWEST = 12, MOST_CHOICES = 40;

  // A row as texts, sort keys and a way to draw it.
  const ofElement = (tr) => {
    const cells = [...tr.cells];
    return {
      texts: cells.map((cell) => cell.textContent),
      keys: cells.map((cell) => cell.dataset.sort ?? cell.textContent),
      draw: () => tr,
    };
  };
  const ofData = ({ columns, numeric, values, codes }) => {
    const drawCell = (n, [text, , strong]) => {
      const cell = page.element(n ? "td" : "th", n ? {} : { scope: "row" });
      if (n && numeric[n]) cell.className = "number";
      cell.append(strong ? page.element("strong", {}, text) : text);
      return cell;
    };
    return codes[0].map((_, row) => {
      const cells = columns.map((_, n) => values[n][codes[n][row]]);
      return {
        texts: cells.map(([text]) => text),
        keys: cells.map(([text, key], n) => (numeric[n] ? (key ?? "") : text)),
        draw: () => page.element("tr", {}, ...cells.map((cell, n) => drawCell(n, cell))),
      };
    });
  };

  const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
  const download = (name, lines) => {
    const text = lines.map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    page.element("a", { href: url, download: `${name}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };

  // Makes a table sort and, with enough rows, filter. Without rows they are those of its body.
  const enhance = (table, given) => {
    const body = table.tBodies[0];
    const headers = [...table.tHead.rows[0].cells];
    const size = given ? given.length : body.rows.length;
    if (size < 2) return;
    let rows = given, sorted = null, chosen = null, first = 0;
    const read = () => (rows ??= [...body.rows].map(ofElement));
    const numeric = headers.map((header) => header.classList.contains("number"));

    const show = () => {
      const shown = chosen ?? read();
      const window_ = given ? shown.slice(first, first + WINDOW) : shown;
      body.replaceChildren(...window_.map((row) => row.draw()));
      tell?.(shown.length, first, window_.length);
    };
    const sort = (n, order) => {
      const compare = (a, b) => {
        const [x, y] = [a.keys[n], b.keys[n]];
        if (numeric[n] && (x === "" || y === "")) return (x === "") - (y === "");
        return order * (numeric[n] ? x - y : x.localeCompare(y, "en", { numeric: true }));
      };
      read().sort(compare);
      sorted = n;
    };
    headers.forEach((header, n) => {
      const button = page.element("button", { type: "button" });
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const before = header.getAttribute("aria-sort");
        const order = before ? (before === "ascending" ? -1 : 1) : numeric[n] ? -1 : 1;
        headers.forEach((other) => other.removeAttribute("aria-sort"));
        header.setAttribute("aria-sort", order === 1 ? "ascending" : "descending");
        sort(n, order);
        update();
      });
    });

    let tell = null;
    const filters = [];
    const update = () => {
      const active = filters.filter((filter) => filter.value());
      chosen = active.length ? read().filter((row) => active.every((f) => f.keeps(row))) : null;
      first = 0;
      show();
    };
    const toolbar = () => {
      const name = `${table.id || table.closest("[id]").id}-filter`;
      const bar = page.element("p", { class: "filters", role: "group", "aria-label": "Filter the table" });
      const text = page.element("input", { type: "search", id: name, size: 14 });
      bar.append(page.field("Filter", text));
      const words = () => text.value.toLowerCase().split(/\s+/).filter(Boolean);
      filters.push({
        value: () => words().length,
        keeps: (row) => {
          const all = row.texts.join("\n").toLowerCase();
          return words().every((word) => all.includes(word));
        },
      });
      let waiting;
      text.addEventListener("input", () => {
        clearTimeout(waiting);
        waiting = setTimeout(update, 80);
      });
      headers.forEach((header, n) => {
        const found = numeric[n] ? [] : [...new Set(read().map((row) => row.texts[n]))];
        if (found.length < 2 || found.length > MOST_CHOICES || found.length > size / 2) return;
        const select = page.element("select", { id: `${name}-${n}` });
        page.fill(select, [["", "all"], ...found.map((value) => [value, value])]);
        bar.append(page.field(header.textContent, select));
        filters.push({ value: () => select.value, keeps: (row) => row.texts[n] === select.value });
        select.addEventListener("change", update);
      });
      const status = page.element("span", { role: "status" });
      const csv = page.element("button", { type: "button", class: "plain" }, "Download CSV");
      csv.addEventListener("click", () => {
        const lines = (chosen ?? read()).map((row) => row.texts);
        download(name.replace(/-filter$/, ""), [headers.map((h) => h.textContent), ...lines]);
      });
      const [back, on] = ["Previous", "Next"].map((title, n) => {
        const button = page.element("button", { type: "button", class: "plain" }, title);
        button.addEventListener("click", () => {
          first += (n ? 1 : -1) * WINDOW;
          show();
        });
        return button;
      });
      if (given && size > WINDOW) bar.append(back, on);
      bar.append(csv, status);
      tell = (left, from, number) => {
        const part = number < left ? `, ${from + 1} to ${from + number} shown` : "";
        status.textContent = `${page.count(left)} of ${page.count(size)} rows${part}`;
        back.disabled = from === 0;
        on.disabled = from + number >= left;
      };
      (table.closest(".scroll") ?? table).before(bar);
    };
    const start = () => {
      toolbar();
      show();
    };
    if (size > FEWEST) page.whenSeen(table, start);
    else if (given) show();
  };

  for (const table of document.querySelectorAll("main table:not([data-plain])")) {
    const source = table.parentElement.querySelector("script");
    if (!source) enhance(table);
    else page.whenSeen(table, () => enhance(table, ofData(JSON.parse(source.textContent))));
  }
  return { enhance, ofData };
})();
