// The form that asks for limits, and the recommendation with the rows behind it.
for (const root of document.querySelectorAll("[data-widget=chooser]")) {
  const scores = page.data.scores;
  const { rows, systems, strategies } = scores;
  const field = (name) => root.querySelector(`[name=${name}]`);
  const part = (name) => root.querySelector(`[data-part=${name}]`);
  const title = (pair) => `${systems[pair.system].name}, ${strategies[pair.strategy]}`;

  const asked = () => {
    const [what, name] = [field("about").value.slice(0, 4), field("about").value.slice(5)];
    const key = { task: "name", kind: "kind" }[what];
    return scores.tasks.map((_, n) => n).filter((n) => !key || scores.tasks[n][key] === name);
  };
  // A limit: null where the field is empty, NaN where it is no number above zero.
  const limit = (name) => {
    const input = field(name);
    if (input.value.trim() === "" && !input.validity.badInput) return null;
    const value = Number(input.value);
    const whole = name !== "labels" || Number.isInteger(value);
    return input.validity.badInput || !(value > 0) || !whole ? NaN : value;
  };

  const line = (pair, task, mark) => {
    const n = pair.rows.get(task);
    const cells = [mark, title(pair), scores.tasks[task].name, page.score(rows.mean[n])];
    cells.push(page.interval(rows.low[n], rows.high[n]), page.count(rows.seeds[n]));
    cells.push(page.count(rows.labels[n]), page.megabytes(rows.bytes[n]));
    cells.push(page.milliseconds(rows.milliseconds[n]));
    return page.element(
      "tr",
      {},
      ...cells.map((text, c) => page.element(c ? "td" : "th", c ? (c > 2 ? { class: "number" } : {}) : { scope: "row" }, text)),
    );
  };

  const answer = () => {
    const names = ["labels", "megabytes", "seconds", "milliseconds"];
    const limits = Object.fromEntries(names.map((name) => [name, limit(name)]));
    for (const [name, value] of Object.entries(limits)) {
      field(name).toggleAttribute("aria-invalid", Number.isNaN(value));
    }
    const wrong = Object.keys(limits).find((name) => Number.isNaN(limits[name]));
    const body = part("rows");
    body.replaceChildren();
    part("evidence").hidden = true;
    if (wrong) {
      const kind = wrong === "labels" ? "a whole number of at least 1" : "a number above 0";
      part("answer").textContent = `${root.querySelector(`label[for=${field(wrong).id}]`).textContent}: give ${kind}, or nothing.`;
      return;
    }
    const found = choosing.choose(scores, asked(), limits);
    if (!found) {
      part("answer").textContent = "Nothing was measured within these limits: allow more.";
      return;
    }
    const named = found.tasks.map((task) => scores.tasks[task].name).join(", ");
    const others = found.alike.length
      ? `It cannot be told apart from ${found.alike.length} other${found.alike.length > 1 ? "s" : ""}.`
      : "No other is tied with it on every task that counts.";
    const strong = page.element("strong", {}, title(found.best));
    part("answer").replaceChildren("Use ", strong, ` (measured on ${named}). ${others}`);
    for (const [pairs, mark] of [[[found.best], "recommended"], [found.alike, "alike"]]) {
      for (const pair of pairs) body.append(...found.tasks.filter((t) => pair.rows.has(t)).map((t) => line(pair, t, mark)));
    }
    const next = found.ranked.find((pair) => pair !== found.best && !found.alike.includes(pair));
    if (next) body.append(...found.tasks.filter((t) => next.rows.has(t)).map((t) => line(next, t, "next")));
    part("evidence").hidden = false;
  };

  const kinds = [...new Set(scores.tasks.map((task) => task.kind))].sort();
  page.fill(field("about"), [
    ...scores.tasks.map(({ name }) => [`task:${name}`, name]),
    ...kinds.map((kind) => [`kind:${kind}`, `all of kind ${kind.replaceAll("_", " ")}`]),
    ["all", "all tasks"],
  ]);
  root.addEventListener("submit", (event) => event.preventDefault());
  root.addEventListener("input", answer);
  root.hidden = false;
  answer();
}
