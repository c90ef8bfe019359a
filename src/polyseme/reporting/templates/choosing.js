// The rule of polyseme.reporting.choosing, step by step; a test holds them equal.
const choosing = (() => {
  // The one place where it is decided whether two rows cannot be told apart.
  const tied = ({ rows, ties }, a, b) => {
    if (ties) return ties.some(([x, y]) => (x === a && y === b) || (x === b && y === a));
    const { low, high } = rows;
    if ([low[a], low[b], high[a], high[b]].includes(null)) return true;
    return low[a] <= high[b] && low[b] <= high[a];
  };

  const candidates = ({ rows }, tasks, { labels, megabytes, seconds, milliseconds }) => {
    const bounds = [["labels", labels], ["bytes", megabytes === null ? null : megabytes * 1e6]];
    bounds.push(["seconds", seconds], ["milliseconds", milliseconds]);
    const within = (n) =>
      bounds.every(([name, bound]) => bound === null || (rows[name][n] !== null && rows[name][n] <= bound));
    const found = new Map();
    rows.task.forEach((task, n) => {
      if (!tasks.includes(task) || !rows.counts[n] || !within(n)) return;
      const key = `${rows.system[n]},${rows.strategy[n]}`;
      if (!found.has(key)) {
        found.set(key, { system: rows.system[n], strategy: rows.strategy[n], rows: new Map(), rank: 0 });
      }
      const chosen = found.get(key).rows;
      const before = chosen.get(task);
      if (before === undefined || (rows.labels[n] ?? 0) > (rows.labels[before] ?? 0)) chosen.set(task, n);
    });
    return [...found.values()];
  };

  const addRanks = ({ rows, tasks }, task, pairs) => {
    const sign = tasks[task].lower ? 1 : -1;
    const values = pairs.map((pair) => {
      const n = pair.rows.get(task);
      return n === undefined ? Infinity : sign * (rows.valid[n] ?? rows.mean[n]);
    });
    pairs.forEach((pair, p) => {
      const less = values.filter((value) => value < values[p]).length;
      const equal = values.filter((value) => value === values[p]).length;
      pair.rank += less + (equal - 1) / 2;
    });
  };

  // Pairs, best first, those that are alike, and the tasks that count; null: nothing was measured.
  const choose = (scores, tasks, limits) => {
    const found = candidates(scores, tasks, limits);
    const counted = tasks.filter((task) => found.some((pair) => pair.rows.has(task)));
    if (!counted.length) return null;
    const most = Math.max(...found.map((pair) => pair.rows.size));
    const full = found.filter((pair) => pair.rows.size === most);
    full.sort((a, b) => a.system - b.system || a.strategy - b.strategy);
    counted.forEach((task) => addRanks(scores, task, full));
    const ranked = full.sort((a, b) => a.rank - b.rank); // stable
    const [best, ...others] = ranked;
    const alike = others.filter((pair) =>
      [...pair.rows].every(([task, n]) => best.rows.has(task) && tied(scores, n, best.rows.get(task))),
    );
    return { tasks: counted, best, alike, ranked };
  };
  return { choose, tied };
})();
