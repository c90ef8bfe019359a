// Representations by tasks: the strategy that is best on validation data, interval and ties.
for (const root of document.querySelectorAll("[data-widget=matrix]")) {
  const scores = page.data.scores;
  const { rows, systems, strategies, tasks } = scores;
  const control = (name) => root.querySelector(`[name=${name}]`);
  const holder = root.querySelector("[data-part=table]");

  // Of each task and representation the row with the most labels, and of these the best strategy
  // with pre-training; what was trained from scratch shows when it is asked for.
  const cells = (shown, strategy) => {
    const most = new Map(), best = new Map();
    rows.task.forEach((task, n) => {
      if (strategy === "" && strategies[rows.strategy[n]] === "scratch") return;
      if (!shown.includes(task) || (strategy !== "" && rows.strategy[n] !== Number(strategy))) return;
      const key = `${task},${rows.system[n]},${rows.strategy[n]}`;
      if (!most.has(key) || rows.labels[n] > rows.labels[most.get(key)]) most.set(key, n);
    });
    for (const n of most.values()) {
      const key = `${rows.task[n]},${rows.system[n]}`;
      const sign = tasks[rows.task[n]].lower ? -1 : 1;
      const value = (m) => sign * (rows.valid[m] ?? rows.mean[m]);
      if (!best.has(key) || value(n) > value(best.get(key))) best.set(key, n);
    }
    return best;
  };

  const leader = (task, best) => {
    const sign = tasks[task].lower ? -1 : 1;
    const found = [...best.values()].filter((n) => rows.task[n] === task && rows.counts[n]);
    return found.length ? found.reduce((a, b) => (sign * rows.mean[b] > sign * rows.mean[a] ? b : a)) : null;
  };

  const most = tasks.map((_, t) => Math.max(...rows.labels.filter((size, n) => rows.task[n] === t && size !== null)));

  const cell = (n, top, withStrategy) => {
    if (n === undefined) return page.element("td", { class: "number", "data-sort": "" }, "–");
    const made = page.element("td", { class: "number", "data-sort": rows.mean[n] });
    const mark = !rows.counts[n] ? " (check failed)" : n === top ? " best" : top !== null && choosing.tied(scores, n, top) ? " tie" : "";
    made.append(mark.length > 1 && rows.counts[n] ? page.element("strong", {}, page.score(rows.mean[n])) : page.score(rows.mean[n]));
    if (mark) made.append(page.element("span", { class: "mark-of" }, mark));
    const told = [page.interval(rows.low[n], rows.high[n])];
    if (withStrategy) told.push(strategies[rows.strategy[n]]);
    if (rows.labels[n] !== null && rows.labels[n] < most[rows.task[n]]) told.push(`${page.count(rows.labels[n])} labels`);
    made.append(page.element("small", {}, ` ${told.join(", ")}`));
    return made;
  };

  const draw = () => {
    const kind = control("kind").value, family = control("family").value, strategy = control("strategy").value;
    const shown = tasks.map((_, n) => n).filter((n) => kind === "" || tasks[n].kind === kind);
    const best = cells(shown, strategy);
    const tops = shown.map((task) => leader(task, best));
    const head = page.element("tr", {}, page.element("th", { scope: "col" }, "Representation"));
    shown.forEach((task) => head.append(page.element("th", { scope: "col", class: "number" }, tasks[task].name)));
    const body = page.element("tbody");
    systems.forEach((system, s) => {
      const found = shown.map((task) => best.get(`${task},${s}`));
      if ((family && system.family !== family) || found.every((n) => n === undefined)) return;
      const first = page.element("th", { scope: "row" }, system.name);
      body.append(page.element("tr", {}, first, ...found.map((n, t) => cell(n, tops[t], strategy === ""))));
    });
    const table = page.element("table", { id: "matrix-table" });
    const caption = page.element("caption", { id: "matrix-caption" }, "Score with the most labels, interval over seeds and items; ties by themselves, not corrected");
    table.append(caption, page.element("thead", {}, head), body);
    const scroll = page.element("div", { class: "scroll", role: "region", tabindex: 0, "aria-labelledby": "matrix-caption" }, table);
    holder.replaceChildren(scroll);
    tables.enhance(table);
  };

  const distinct = (list) => [...new Set(list)].map((name) => [name, name.replaceAll("_", " ")]);
  page.fill(control("kind"), [["", "all"], ...distinct(tasks.map((task) => task.kind))]);
  page.fill(control("family"), [["", "all"], ...distinct(systems.map((system) => system.family))]);
  page.fill(control("strategy"), [["", "best by validation"], ...strategies.map((name, n) => [n, name])]);
  root.addEventListener("change", (event) => event.target.closest("[data-part=controls]") && draw());
  root.hidden = false;
  page.whenSeen(root, draw);
}
