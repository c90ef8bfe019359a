// Charts of Vega-Lite, unpacked and drawn when they are about to be seen.
const charts = (() => {
  let loading;
  // The libraries are deflated text inside the page: nothing is fetched.
  const load = () =>
    (loading ??= (async () => {
      const text = atob(document.getElementById("chart-libraries").textContent.trim());
      const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      const script = document.createElement("script");
      script.textContent = await new Response(stream).text();
      document.head.append(script);
      return window.vegaEmbed;
    })());

  const scores = page.data.scores, probes = page.data.probes;
  const taskNames = () => scores.tasks.map(({ name }, n) => [n, name]);
  const scoreRow = (n) => {
    const { rows, systems, strategies } = scores;
    const name = systems[rows.system[n]].name;
    return {
      of: name, system: name, strategy: strategies[rows.strategy[n]], labels: rows.labels[n],
      mean: rows.mean[n], low: rows.low[n] ?? rows.mean[n], high: rows.high[n] ?? rows.mean[n], seeds: rows.seeds[n],
    };
  };
  const ofTask = (task) => scores.rows.task.map((_, n) => n).filter((n) => scores.rows.task[n] === task);
  const metric = (task) => scores.tasks[task].metric.replaceAll("_", " ");

  const learning = {
    controls: {
      task: { title: "Task", entries: () => taskNames().filter(([n]) => new Set(ofTask(n).map((r) => scores.rows.labels[r])).size > 1) },
      strategy: {
        title: "Strategy",
        entries: ({ task }) => {
          const found = new Set(ofTask(Number(task)).map((n) => scores.rows.strategy[n]));
          return scores.strategies.map((name, n) => [n, name]).filter(([n]) => found.has(n));
        },
        first: () => scores.strategies.findIndex((name) => name !== "scratch"),
      },
    },
    rows: ({ task, strategy }) =>
      ofTask(Number(task)).filter((n) => scores.rows.strategy[n] === Number(strategy) && scores.rows.labels[n]).map(scoreRow),
    titles: ({ task }) => ({ y: metric(task) }),
    ticks: ({ task }) => [...new Set(ofTask(Number(task)).map((n) => scores.rows.labels[n]))],
  };

  const layers = {
    controls: { group: { title: "Task and probe", entries: () => probes.groups.map(({ task, probe }, n) => [n, `${task}, ${probe}`]) } },
    rows: ({ group }) => {
      const { rows, systems, groups } = probes;
      const own = rows.group.map((_, n) => n).filter((n) => rows.group[n] === Number(group));
      const all = [...new Set(own.map((n) => rows.layer[n]))].sort((a, b) => a - b);
      const ends = all.length > 1 ? [all[0], all.at(-1)] : all;
      const depth = new Map();
      own.forEach((n) => depth.set(rows.system[n], (depth.get(rows.system[n]) ?? 0) + 1));
      const row = (n, layer, line) => {
        const { name, base } = systems[rows.system[n]];
        return { system: name, of: base, layer, line, mean: rows.mean[n], low: rows.low[n] ?? rows.mean[n], high: rows.high[n] ?? rows.mean[n], seeds: rows.seeds[n] };
      };
      const found = own.flatMap((n) => {
        const { name, base } = systems[rows.system[n]];
        if (depth.get(rows.system[n]) === 1) return ends.map((end) => row(n, end, "one layer"));
        return [row(n, rows.layer[n], name === base ? "trained" : "random weights")];
      });
      const lines = groups[group].baselines.flatMap(({ name, mean }) => ends.map((layer) => ({ system: name, of: name, layer, line: "baseline", mean })));
      return [...found, ...lines];
    },
    titles: ({ group }) => ({ y: probes.groups[group].metric }),
  };

  const COSTS = {
    bytes: ["size of the weights (MB)", 1e6],
    parameters: ["parameters, with the head", 1],
    pretrain: ["pre-training (seconds)", 1],
    seconds: ["pre-training and one run (seconds)", 1],
  };
  const costOf = (name, n) => {
    const { rows, systems, strategies } = scores;
    if (name !== "pretrain") return rows[name][n];
    return strategies[rows.strategy[n]] === "scratch" ? null : systems[rows.system[n]].pretrain;
  };
  const cost = {
    controls: {
      task: { title: "Task", entries: taskNames },
      cost: {
        title: "Cost",
        entries: () => Object.entries(COSTS).map(([key, [title]]) => [key, title]).filter(([key]) => scores.rows.task.some((_, n) => costOf(key, n) > 0)),
      },
    },
    rows: ({ task, cost: name }) => {
      const most = new Map();
      for (const n of ofTask(Number(task))) {
        const key = `${scores.rows.system[n]},${scores.rows.strategy[n]}`;
        if (!most.has(key) || scores.rows.labels[n] > scores.rows.labels[most.get(key)]) most.set(key, n);
      }
      const found = [...most.values()].filter((n) => costOf(name, n) > 0)
        .map((n) => ({ ...scoreRow(n), cost: costOf(name, n) / COSTS[name][1] }));
      const sign = scores.tasks[task].lower ? -1 : 1;
      found.sort((a, b) => a.cost - b.cost || sign * (b.mean - a.mean));
      let best = -Infinity;
      for (const row of found) {
        row.front = sign * row.mean > best;
        best = Math.max(best, sign * row.mean);
      }
      return found;
    },
    titles: ({ task, cost: name }) => ({ x: COSTS[name][0], y: metric(task) }),
  };

  const kinds = { learning_curves: learning, layers, cost };

  // The specification with the titles, and the places on the x axis, of the chosen rows.
  const titled = (spec, titles, ticks) => {
    const made = structuredClone(spec);
    for (const layer of made.layer) {
      if (ticks) layer.encoding.x.axis = { values: ticks, format: ",d" };
      for (const [axis, title] of Object.entries(titles)) {
        if (layer.encoding[axis]) layer.encoding[axis].title = title;
      }
    }
    return made;
  };

  for (const root of document.querySelectorAll(".chart")) {
    const name = root.dataset.chart;
    const kind = kinds[name], spec = JSON.parse(root.querySelector("script").textContent);
    const bar = page.element("p", { class: "controls" }), drawn = root.querySelector("[data-part=drawn]");
    const selects = {};
    const values = () => Object.fromEntries(Object.entries(selects).map(([key, select]) => [key, select.value]));
    for (const [key, { title, entries, first }] of Object.entries(kind.controls)) {
      const select = page.element("select", { id: `chart-${name}-${key}` });
      page.fill(select, entries(values()));
      if (first && [...select.options].some((option) => Number(option.value) === first())) select.value = first();
      selects[key] = select;
      bar.append(page.field(title, select));
    }
    drawn.before(bar);
    let turn = 0;
    const draw = async () => {
      const own = ++turn;
      for (const [key, { entries }] of Object.entries(kind.controls)) page.fill(selects[key], entries(values()));
      const embed = await load();
      const chosen = values(), narrow = root.clientWidth < 560;
      const full = titled(spec, kind.titles(chosen), kind.ticks?.(chosen));
      full.datasets = { rows: kind.rows(chosen) };
      full.config.legend.columns = narrow ? 2 : 5;
      if (own !== turn) return;
      const result = await embed(drawn, full, { renderer: "svg", actions: { export: true, source: false, compiled: false, editor: false }, loader: { load: () => Promise.reject(new Error("nothing is fetched")) } });
      root.view = result.view;
      root.dataset.state = "drawn";
    };
    bar.addEventListener("change", draw);
    page.whenSeen(root, draw);
  }
  return { load };
})();
