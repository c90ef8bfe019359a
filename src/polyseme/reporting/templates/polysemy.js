// Scatter plots of the occurrences of a word; without scripts the figure above them is complete.
for (const root of document.querySelectorAll(".explorer:not([data-widget])")) {
  const part = (name, within = root) => within.querySelector(`[data-part="${name}"]`);
  const control = (name, within = root) => within.querySelector(`[data-control="${name}"]`);
  const data = JSON.parse(part("data").textContent);
  const panes = [...root.querySelectorAll('[data-part="pane"]')];
  const hint = "Point at a mark, or focus a plot and use the arrow keys, to read its sentence.";
  const shapes = [
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "M-3.6-3.6H3.6V3.6H-3.6Z",
    "M0-4.6L4.4 3.4H-4.4Z",
    "M0-5L5 0L0 5L-5 0Z",
    "M0 4.6L4.4-3.4H-4.4Z",
    "M-1.6-4.6H1.6V-1.6H4.6V1.6H1.6V4.6H-1.6V1.6H-4.6V-1.6H-1.6Z",
    "M-4.4-2.2L-2.2-4.4L0-2.2L2.2-4.4L4.4-2.2L2.2 0L4.4 2.2L2.2 4.4L0 2.2L-2.2 4.4L-4.4 2.2L-2.2 0Z",
  ];
  let word, current;

  const make = (name, attributes = {}) => {
    const element = document.createElementNS(root.querySelector("svg").namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  const mark = (kind) => {
    const path = make("path", { d: shapes[kind % shapes.length], class: "mark" });
    path.style.fill = `var(--${data.colours[kind % data.colours.length]})`;
    return path;
  };

  // Shows one occurrence in every pane, and its sentence below them.
  const choose = (n) => {
    current = n;
    for (const pane of panes) {
      pane.marks.forEach((path, m) => path.classList.toggle("current", m === n));
    }
    part("sentence").textContent =
      n === null ? hint : `${word.senses[word.kinds[n]]}: ${word.texts[n]}`;
  };

  const drawLegend = () => {
    part("legend").replaceChildren(
      ...word.senses.map((sense, kind) => {
        const entry = document.createElement("span");
        const sample = make("svg", { viewBox: "-6 -6 12 12", "aria-hidden": "true" });
        sample.append(mark(kind));
        entry.append(sample, sense);
        return entry;
      }),
    );
  };

  // Marks of one pane; those of the first sense lie on top, as in the rings of the figure.
  const drawMarks = (pane) => {
    pane.marks = word.kinds.map((kind, n) => {
      const path = mark(kind);
      const title = make("title");
      title.textContent = `${word.senses[kind]}: ${word.texts[n]}`;
      path.append(title);
      path.addEventListener("pointerenter", () => choose(n));
      return path;
    });
    const order = pane.marks.map((_, n) => n).sort((a, b) => word.kinds[b] - word.kinds[a]);
    pane.querySelector("svg").replaceChildren(...order.map((n) => pane.marks[n]));
  };

  // Moves the marks to where they are in the chosen layer.
  const place = (pane) => {
    const system = control("system", pane).value;
    const layers = data.systems[system][control("word").value];
    const slider = control("layer", pane);
    slider.max = layers.length - 1;
    part("layers", pane).hidden = layers.length < 2;
    const layer = layers[Math.min(slider.value, layers.length - 1)];
    const radius = Math.max(0.001, ...layer.points.flat().map(Math.abs));
    const cells = layer.points.map((xy) => xy.map((c) => Math.round((50 * c) / radius)).join());
    const kinds = {};
    cells.forEach((cell, n) => (kinds[cell] ??= new Set()).add(word.kinds[n]));
    pane.marks.forEach((path, n) => {
      const [x, y] = layer.points[n].map((c) => (95 * c) / radius);
      const ring = [...kinds[cells[n]]].filter((kind) => kind < word.kinds[n]).length;
      path.style.transform = `translate(${x}px, ${-y}px) scale(${1 + 1.1 * ring})`;
    });
    describe(pane, system, layers.length > 1 ? `, layer ${layer.layer}` : "", layer, kinds);
    part("layer", pane).textContent = layer.layer;
    slider.setAttribute("aria-valuetext", `layer ${layer.layer}`);
  };

  const describe = (pane, system, at, layer, kinds) => {
    const spots = Object.keys(kinds).length;
    const text =
      `${system}${at}: separation ${layer.separation.toFixed(2)}; ${word.kinds.length} occurrences ` +
      `on ${spots} spot${spots === 1 ? "" : "s"}; the plane holds ` +
      `${Math.round(100 * layer.explained)} % of the variance.`;
    part("summary", pane).textContent = text;
    pane.querySelector("svg").setAttribute("aria-label", `${control("word").value}. ${text}`);
  };

  const draw = () => {
    word = data.words[control("word").value];
    drawLegend();
    panes.forEach(drawMarks);
    panes.forEach(place);
    choose(null);
  };

  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  for (const pane of panes) {
    const slider = control("layer", pane); // opens at the last layer, where context shows
    slider.max = 99; // first: a value beyond it would be cut
    slider.value = 99;
    control("system", pane).addEventListener("change", () => place(pane));
    control("layer", pane).addEventListener("input", () => place(pane));
    pane.querySelector("svg").addEventListener("keydown", (event) => {
      if (!(event.key in steps)) return;
      event.preventDefault();
      const [step, size] = [steps[event.key], word.kinds.length];
      choose(current === null ? (step === 1 ? 0 : size - 1) : (current + step + size) % size);
    });
  }
  control("word").addEventListener("change", draw);
  draw();
  root.hidden = false;
}
