"use strict";
const byId = (id) => document.getElementById(id);
const shapes = [
  "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
  "M-3.6-3.6H3.6V3.6H-3.6Z",
  "M0-4.6L4.4 3.4H-4.4Z",
  "M0-5L5 0L0 5L-5 0Z",
  "M0 4.6L4.4-3.4H-4.4Z",
  "M-1.6-4.6H1.6V-1.6H4.6V1.6H1.6V4.6H-1.6V1.6H-4.6V-1.6H-1.6Z",
];
const colours = ["blue", "orange", "green", "purple", "olive", "slate"];
const cross = "M-7 0A7 7 0 1 0 7 0A7 7 0 1 0-7 0M-11 0H-4M4 0H11M0-11V-4M0 4V11";
const hint = "Point at a mark, or focus the plot and use the arrow keys, to read its sentence.";
const state = { text: "", second: "", words: [], gap: null, place: null, turn: 0 };

const make = (name, text = "", attributes = {}) => {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

const draw = (name, attributes = {}) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

const mark = (kind) => {
  const path = draw("path", { d: shapes[kind % shapes.length], class: "mark" });
  path.style.fill = `var(--${colours[kind % colours.length]})`;
  return path;
};

const sample = (path, half = 6) => {
  const svg = draw("svg", { viewBox: `${-half} ${-half} ${2 * half} ${2 * half}`, "aria-hidden": "true" });
  svg.append(path);
  return svg;
};

const ask = async (name, values) => {
  const asked = values && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(values),
  };
  const reply = await fetch(`/api/${name}`, asked);
  const found = await reply.json();
  if (!reply.ok) throw new Error(found.error);
  return found;
};

const say = (text, bad = false) => {
  byId("status").textContent = text;
  byId("status").classList.toggle("bad", bad);
};

// Does something that asks the server; what comes after a newer question is thrown away.
const during = async (turn, work) => {
  try {
    await work(() => turn === state.turn);
  } catch (error) {
    const lost = error instanceof TypeError ? "The server does not answer; is it still running?" : error.message;
    if (turn === state.turn) say(lost, true);
  }
};

class Pane {
  constructor(root, systems) {
    root.append(byId("pane").content.cloneNode(true));
    root.hidden = false;
    this.root = root;
    this.system = root.querySelector('[data-control="system"]');
    this.slider = root.querySelector('[data-control="layer"]');
    this.systems = Object.fromEntries(systems.map((system) => [system.name, system]));
    this.system.replaceChildren(...systems.map((system) => make("option", system.name)));
    this.system.value = systems[systems.length - 1].name;
    this.system.addEventListener("change", () => { this.limit(); this.look(); });
    this.slider.addEventListener("input", () => this.show());
    this.part("plot").addEventListener("keydown", (event) => this.step(event));
    this.limit();
  }

  part(name) { return this.root.querySelector(`[data-part="${name}"]`); }

  get layer() { return Number(this.slider.value); }

  limit() {
    const { layers } = this.systems[this.system.value];
    this.slider.max = layers - 1;
    this.slider.value = layers - 1;
    this.part("layers").hidden = layers < 2;
  }

  // Asks for the chosen word and the second sentence; the three answers come in any order.
  look() {
    const { text, place, second, turn } = state;
    const representation = this.system.value;
    const current = (fresh) => fresh() && representation === this.system.value;
    this.neighbors = this.positions = this.similarity = null;
    const questions = { similarity: { representation, first: text, second } };
    if (state.gap === null) {
      questions.neighbors = questions.positions = { representation, text, place };
    }
    if (state.gap !== null || !second.trim()) delete questions.similarity;
    for (const [name, values] of Object.entries(questions)) {
      during(turn, async (fresh) => {
        const found = await ask(name, values);
        if (!current(fresh)) return;
        this[name] = found;
        this.show(name);
      });
    }
    this.show();
  }

  show(only) {
    this.part("layer").textContent = this.layer;
    this.slider.setAttribute("aria-valuetext", `layer ${this.layer} of 0 to ${this.slider.max}`);
    if (!only || only === "neighbors" || only === "positions") this.showNeighbors();
    if (!only || only === "positions") this.showPositions();
    if (!only || only === "similarity") this.showSimilarity();
  }

  sense(name) {
    const kind = this.positions ? this.positions.senses.indexOf(name) : -1;
    const shown = make("span", "", { class: "sense" });
    if (kind >= 0) shown.append(sample(mark(kind)));
    shown.append(name);
    return shown;
  }

  occurrence({ before, word, after, sense }, own) {
    const shown = make("span");
    shown.append(`${before} `, make("strong", word), ` ${after} `);
    if (sense) shown.append(own ? this.sense(sense) : make("span", sense, { class: "sense" }));
    return shown;
  }

  list(title, found, own) {
    const items = found.map(([what, cosine]) => {
      const item = make("li");
      const shown = own === undefined ? make("span", what) : this.occurrence(this.neighbors.occurrences[what], own);
      item.append(make("span", cosine.toFixed(2), { class: "number" }), shown);
      return item;
    });
    const list = make("ol");
    list.append(...items);
    return title ? [make("h4", title), list] : [list];
  }

  showNeighbors() {
    const found = this.neighbors;
    const compared = this.part("compared");
    if (!found) {
      compared.textContent = state.gap === null ? "" : "A gap has no neighbours.";
      this.part("neighbors").replaceChildren();
    } else if (found.words) {
      compared.textContent = found.known
        ? `Cosine with the ${found.size.toLocaleString("en")} words of its vocabulary; the context plays no part.`
        : "The word is not in its vocabulary.";
      this.part("neighbors").replaceChildren(...this.list("", found.words));
    } else {
      compared.textContent =
        `Cosine with ${found.size.toLocaleString("en")} words in ${found.sentences.toLocaleString("en")} ` +
        "sentences of the corpus, after their mean is taken off.";
      const { same, others } = found.layers[this.layer];
      const title = found.num_same ? `The same word, nearest of ${found.num_same}` : "The same word is not in the sample";
      this.part("neighbors").replaceChildren(
        ...this.list(title, same, true),
        ...this.list("Other words, nearest occurrence of each", others, false),
      );
    }
  }

  showPositions() {
    const found = this.positions;
    const there = found && found.layers.length > 0;
    this.marks = [];
    this.current = null;
    this.part("plot").replaceChildren();
    this.part("legend").replaceChildren();
    this.part("occurrence").textContent = there ? hint : "";
    this.part("plane").textContent = found && !there ? "The sample of the corpus does not have this word." : "";
    this.part("plot").toggleAttribute("hidden", !there);
    if (!there) return;
    const { points, at, explained } = found.layers[Math.min(this.layer, found.layers.length - 1)];
    const kinds = found.occurrences.map(({ sense }) => found.senses.indexOf(sense));
    const radius = Math.max(0.001, ...points.flat().map(Math.abs), ...at.map(Math.abs));
    const move = (path, [x, y], size = 1) => {
      path.style.transform = `translate(${(95 * x) / radius}px, ${(-95 * y) / radius}px) scale(${size})`;
    };
    // Different senses on one spot become rings.
    const spots = points.map((point) => point.map((c) => Math.round((50 * c) / radius)).join());
    const rings = spots.map((spot, n) => new Set(kinds.filter((kind, m) => kind < kinds[n] && spots[m] === spot)).size);
    this.marks = points.map((point, n) => {
      const path = mark(kinds[n]);
      move(path, point, 1 + 1.1 * rings[n]);
      path.addEventListener("pointerenter", () => this.choose(n));
      return path;
    });
    const here = draw("path", { d: cross, class: "here" });
    move(here, at);
    const order = points.map((_, n) => n).sort((a, b) => rings[b] - rings[a]);
    this.part("plot").append(...order.map((n) => this.marks[n]), here);
    const legend = found.senses.map((sense, kind) => {
      const entry = make("span");
      entry.append(sample(mark(kind)), sense || "sense not known");
      return entry;
    });
    const own = make("span");
    own.append(sample(draw("path", { d: cross, class: "here" }), 12), "in your sentence");
    this.part("legend").append(...legend, own);
    const text = this.systems[this.system.value].layers > 1
      ? `${points.length} occurrences in layer ${this.layer}; the plane holds ${Math.round(100 * explained)} % of their variance.`
      : `${points.length} occurrences on one spot: a static representation has one vector for all.`;
    this.part("plane").textContent = text;
    this.part("plot").setAttribute("aria-label", `${state.words[state.place]}, ${this.system.value}. ${text}`);
  }

  choose(n) {
    this.current = n;
    this.marks.forEach((path, m) => path.classList.toggle("current", m === n));
    this.part("occurrence").replaceChildren(this.occurrence(this.positions.occurrences[n], true));
  }

  step(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || !this.marks.length) return;
    event.preventDefault();
    const size = this.marks.length;
    this.choose(this.current === null ? (step === 1 ? 0 : size - 1) : (this.current + step + size) % size);
  }

  showSimilarity() {
    const found = this.similarity;
    this.part("table").replaceChildren();
    this.part("table").hidden = !found;
    this.part("heat").textContent = found
      ? "Cosines of word vectors" + (found.layers.length > 1 ? `, layer ${this.layer}, after the mean is taken off.` : ".")
      : "";
    if (!found) return;
    const label = "Cosines: rows are the words of the sentence, columns those of the other one";
    this.part("table").setAttribute("aria-label", label);
    const table = make("table");
    const head = table.createTHead().insertRow();
    head.append(make("td"), ...found.second.map((word) => make("th", word, { scope: "col" })));
    const body = table.createTBody();
    found.layers[Math.min(this.layer, found.layers.length - 1)].forEach((row, n) => {
      const line = body.insertRow();
      line.append(make("th", found.first[n], { scope: "row" }));
      for (const cosine of row) {
        const cell = make("td", cosine === null ? "–" : cosine.toFixed(2).replace("-", "−"));
        if (cosine !== null) {
          cell.className = cosine < 0 ? "cold" : "warm";
          cell.style.setProperty("--heat", Math.abs(cosine));
        }
        line.append(cell);
      }
    });
    this.part("table").append(table);
  }
}

let panes = [];
let models = [];

const showFillings = () => {
  const section = byId("gap");
  const words = state.words.map((word, n) => (n === state.place ? "___" : word));
  section.hidden = !models.length;
  section.querySelector('[data-part="gap"]').textContent = words.join(" ");
  const place = state.gap === null ? state.place : null;
  const { text, turn } = state;
  for (const { name, root } of models) {
    during(turn, async (fresh) => {
      const found = await ask("fillings", { representation: name, text, place });
      if (!fresh()) return;
      const list = make("ol");
      for (const [word, probability] of found.words) {
        const item = make("li");
        const bar = make("span", "", { class: "bar", "aria-hidden": "true" });
        bar.append(make("span"));
        bar.firstChild.style.width = `${100 * probability}%`;
        item.append(make("span", probability.toFixed(3), { class: "number" }), bar, make("span", word));
        list.append(item);
      }
      root.replaceChildren(make("h3", name), make("p", found.how, { class: "note" }), list);
    });
  }
};

const choose = (place) => {
  state.place = place;
  state.turn += 1;
  say("");
  [...byId("words").children].forEach((button, n) => button.setAttribute("aria-pressed", n === place));
  for (const pane of panes) pane.look();
  showFillings();
};

const showWords = () => {
  const buttons = state.words.map((word, n) => {
    const button = make("button", word, { type: "button", "aria-pressed": "false" });
    button.addEventListener("click", () => choose(n));
    button.disabled = state.gap !== null && n !== state.gap;
    return button;
  });
  byId("words").replaceChildren(...buttons);
};

// Cuts the sentence into words, and looks at the gap, the same word as before or the last one.
const look = () => {
  state.turn += 1;
  const before = state.words[state.place];
  during(state.turn, async (fresh) => {
    const text = byId("sentence").value;
    const { words, gap } = await ask("words", { text });
    if (!fresh()) return;
    Object.assign(state, { text, words, gap, second: byId("second").value });
    showWords();
    const letters = words.map((word) => /\p{L}/u.test(word));
    choose(gap ?? Math.max(0, words.includes(before) ? words.indexOf(before) : letters.lastIndexOf(true)));
  });
};

const begin = async (fresh) => {
  const { experiment, corpus, missing, examples, representations } = await ask("about");
  if (!fresh()) return;
  ["sentence", "second"].forEach((id, n) => {
    if (examples[n]) byId(id).value = `${examples[n].before} ${examples[n].word} ${examples[n].after}`.trim();
  });
  if (examples.length) Object.assign(state, { words: [examples[0].word], place: 0 });
  byId("about").textContent =
    `Experiment ${experiment}, corpus ${corpus}.` +
    (missing.length ? ` Not trained yet: ${missing.join(", ")} (run make repro).` : "");
  panes = [...document.querySelectorAll(".pane")].flatMap((root) => {
    const systems = representations.filter(({ family }) => family === root.dataset.family);
    return systems.length ? [new Pane(root, systems)] : [];
  });
  models = representations.filter(({ fills }) => fills).map(({ name }) => ({ name, root: make("div") }));
  byId("gap").querySelector(".models").replaceChildren(...models.map(({ root }) => root));
  look();
};

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  look();
});
during(state.turn, begin);
