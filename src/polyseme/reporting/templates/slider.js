// One layer of one probe: bars of all representations, their twins of random weights, baselines.
for (const root of document.querySelectorAll("[data-widget=slider]")) {
  const { groups, systems, rows } = page.data.probes;
  const group = root.querySelector("[name=group]"), layer = root.querySelector("[name=layer]");
  const bars = root.querySelector("[data-part=bars]"), output = root.querySelector("output");
  const names = Object.fromEntries(systems.map((system, n) => [system.name, n]));

  const bar = (name, value, range, kind, told) => {
    const [least, most] = range;
    const place = (x) => `${(100 * (x - least)) / (most - least)}%`;
    const fill = page.element("span", { class: `bar ${kind}` });
    fill.style.left = place(Math.min(0, value));
    fill.style.width = `${(100 * Math.abs(value)) / (most - least)}%`;
    const track = page.element("span", { class: "track", "aria-hidden": "true" }, fill);
    return page.element("li", { title: told }, page.element("span", { class: "name" }, name), track, page.element("span", { class: "value" }, page.score(value)));
  };

  const draw = () => {
    const own = rows.group.map((_, n) => n).filter((n) => rows.group[n] === Number(group.value));
    const layers = [...new Set(own.map((n) => rows.layer[n]))].sort((a, b) => a - b);
    layer.max = layers.length - 1;
    layer.disabled = layers.length < 2;
    const at = layers[Math.min(layer.value, layers.length - 1)];
    output.textContent = at;
    layer.setAttribute("aria-valuetext", `layer ${at}`);
    const of = new Map();
    own.forEach((n) => of.set(rows.system[n], [...(of.get(rows.system[n]) ?? []), n]));
    const found = new Map();
    for (const [system, list] of of) {
      const chosen = list.length === 1 ? list[0] : list.find((n) => rows.layer[n] === at);
      if (chosen !== undefined) found.set(system, chosen);
    }
    const { baselines, metric } = groups[group.value];
    const values = [...own.map((n) => rows.mean[n]), ...baselines.map((b) => b.mean)];
    const range = [Math.min(0, ...values), Math.max(...values, 0.001)];
    const told = (n) => `${page.interval(rows.low[n], rows.high[n])}, ${rows.seeds[n]} seeds`;
    const trained = [...found].filter(([s]) => systems[s].base === systems[s].name);
    trained.sort(([, a], [, b]) => rows.mean[b] - rows.mean[a]);
    const lines = [];
    for (const [s, n] of trained) {
      lines.push(bar(systems[s].name, rows.mean[n], range, "trained", told(n)));
      for (const [t, m] of found) {
        if (t !== s && systems[t].base === systems[s].name) lines.push(bar(`${systems[t].name}`, rows.mean[m], range, "twin", told(m)));
      }
    }
    for (const [t, m] of found) {
      const base = names[systems[t].base];
      if (systems[t].base !== systems[t].name && !found.has(base)) lines.push(bar(systems[t].name, rows.mean[m], range, "twin", told(m)));
    }
    for (const { name, mean } of baselines) lines.push(bar(name, mean, range, "baseline", "baseline"));
    bars.replaceChildren(...lines);
    const first = trained[0];
    root.querySelector("[data-part=summary]").textContent =
      `${metric} in layer ${at}` + (first ? `; best: ${systems[first[0]].name}, ${page.score(rows.mean[first[1]])}` : "");
  };

  // The last layer that most representations have.
  const common = () => {
    const counts = new Map();
    rows.layer.forEach((at, n) => rows.group[n] === Number(group.value) && counts.set(at, (counts.get(at) ?? 0) + 1));
    const layers = [...counts.keys()].sort((a, b) => a - b);
    const several = layers.filter((at) => at > 0);
    const most = Math.max(0, ...several.map((at) => counts.get(at)));
    return Math.max(0, layers.indexOf(several.findLast((at) => counts.get(at) === most) ?? layers[0]));
  };

  layer.max = Math.max(...rows.layer);
  page.fill(group, groups.map(({ task, probe }, n) => [n, `${task}, ${probe}`]));
  layer.value = common();
  group.addEventListener("change", () => {
    layer.value = common();
    draw();
  });
  layer.addEventListener("input", draw);
  root.hidden = false;
  page.whenSeen(root, draw);
}
