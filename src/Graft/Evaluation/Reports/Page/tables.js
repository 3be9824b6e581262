"use strict";
// The three tables: all numbers with their intervals, task by task against the best, and every method against every other.

const scrolling = (label, table) => make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table);
const none = () => make("td", { class: "none" }, "–");

// What the table of numbers can be sorted by; `up` where small is good.
const columns = [
  { key: "name", title: "Method", up: true, of: c => methodName(c.m) },
  { key: "mean", title: "Score", of: c => c.mean },
  { key: "rank", title: "Mean rank", up: true, of: c => c.rank, show: c => c.rank.toFixed(1) },
  { key: "bytes", title: "Bytes per task", up: true, of: c => c.bytes, show: c => bytes(c.bytes) },
  { key: "parameters", title: "Parameters", up: true, of: c => c.parameters, show: c => count(c.parameters) },
  { key: "seconds", title: "Time", up: true, of: c => c.seconds, show: c => duration(c.seconds) },
  { key: "memory", title: "Memory", up: true, of: c => c.memory, show: c => bytes(c.memory) },
];
const order = { key: "mean", up: false };

function drawNumbers() {
  const list = cells();
  if (!list.length) { fill("numbers", "", "No method is shown, or none has a finished run for this choice."); return; }
  const column = columns.find(c => c.key === order.key);
  list.sort((a, b) => {
    const [x, y] = [column.of(a), column.of(b)];
    if (x == null || y == null) return (x == null) - (y == null); // what is not known comes last either way
    return (order.up ? 1 : -1) * (typeof x === "string" ? x.localeCompare(y) : x - y);
  });
  const [low, high] = padded(list.flatMap(c => [c.low, c.high]), 0.03), at = v => `${(100 * (v - low) / (high - low)).toFixed(2)}%`;
  const sortBy = c => () => {
    order.up = order.key === c.key ? !order.up : !!c.up;
    order.key = c.key;
    drawNumbers();
    document.querySelector(`#numbers button[data-key=${c.key}]`).focus();
    say(`Sorted by ${c.title.toLowerCase()}, ${order.up ? "ascending" : "descending"}.`);
  };
  const head = c => make("th", { scope: "col", "aria-sort": c.key === order.key ? (order.up ? "ascending" : "descending") : "none" },
    make("button", { type: "button", "data-key": c.key, onclick: sortBy(c) }, c.title));
  const strip = make("th", { scope: "col", class: "strip" }, make("small", {}, `${points(low)} to ${points(high)}`));
  const row = c => make("tr", { class: c.m === recommended() ? "chosen" : null },
    make("th", { scope: "row" }, methodName(c.m), c.m === recommended() ? make("span", { class: "tag" }, "recommended") : null),
    make("td", { class: "score" }, make("b", {}, points(c.mean)), c.deviation == null ? null : ` ± ${points(c.deviation)} `, make("small", {}, interval(c))),
    make("td", { class: "strip", "aria-hidden": "true" }, make("span", { class: "range" },
      make("i", { style: `left:${at(c.low)};right:calc(100% - ${at(c.high)})` }), make("b", { style: `left:${at(c.mean)}` }))),
    ...columns.slice(2).map(k => k.of(c) == null ? none() : make("td", {}, k.show(c))));
  const table = make("table", { class: "ledger" },
    make("caption", {}, `${scoreName()}, ${taskPhrase()}, ${sizePhrase()}. Choose a heading to sort.`),
    make("thead", {}, make("tr", {}, head(columns[0]), head(columns[1]), strip, ...columns.slice(2).map(head))),
    make("tbody", {}, ...list.map(row)));
  const partial = list.filter(c => !c.comparable);
  fill("numbers", "Mean ± standard deviation over seeds, and the 95 % bootstrap interval of the mean in brackets and as a line. Methods whose intervals overlap much are hard to tell apart; the pairs below say how hard.",
    scrolling("All numbers, a row a method", table),
    make("p", { class: "note" }, `Ranks are among all ${plural(data.methods.length, "method")} of the comparison, over the tasks and seeds that all of them have finished. Time is the median of a run with its search for a learning rate, memory the largest of a run’s process.`
      + (partial.length ? ` ${listed(partial.map(c => methodName(c.m)))}: not all tasks are finished, so the mean is one over fewer tasks.` : "")));
}

const steps = [0.005, 0.01, 0.02, 0.05];
const step = behind => steps.filter(s => behind > s).length;

function drawTasks() {
  const order = cells().map(c => c.m);
  const tasks = data.tasks.map((_, t) => t).filter(t => shown.task < 0 || t === shown.task || data.tasks[t].of === shown.task);
  if (!order.length) { fill("tasks", "", "No method is shown, or none has a finished run for this choice."); return; }
  const at = (t, m) => data.views[t + 1].cells.find(c => c.m === m && c.s === shown.size);
  const best = t => order.map(m => at(t, m)).filter(Boolean).reduce((a, b) => a && a.mean >= b.mean ? a : b, null);
  const cell = (t, m, extra) => {
    const c = at(t, m), top = best(t);
    if (!c) return none();
    const where = t < 0 ? "mean" : data.tasks[t].name, behind = top.mean - c.mean;
    return c.m === top.m ? make("td", { class: `top ${extra}`, title: `${methodName(m)}, ${where}: ${estimate(c)}` }, `● ${points(c.mean)}`)
      : make("td", { class: `step-${step(behind)} ${extra}`, title: `${methodName(m)}, ${where}: ${estimate(c)}` }, behind < 5e-4 ? "0.0" : `−${points(behind)}`);
  };
  const rows = tasks.filter(t => data.tasks[t].of == null), wins = order.map(m => ({ m, n: rows.filter(t => best(t)?.m === m).length })).filter(w => w.n).sort((a, b) => b.n - a.n);
  const withMean = shown.task < 0 && rows.length > 1;
  const table = make("table", { class: "heat" },
    make("caption", {}, `${sizePhrase()}; points behind the best method shown, whose own score stands at the dot.`),
    make("thead", {}, make("tr", {}, make("td"), ...tasks.map(t => make("th", { scope: "col" }, data.tasks[t].name, make("br"), make("small", {}, data.tasks[t].metric))), withMean ? make("th", { scope: "col", class: "mean" }, "mean") : null)),
    make("tbody", {}, ...order.map(m => make("tr", {}, make("th", { scope: "row" }, methodName(m)), ...tasks.map(t => cell(t, m, "")), withMean ? cell(-1, m, "mean") : null))));
  const names = ["up to 0.5 behind", "0.5 to 1", "1 to 2", "2 to 5", "more than 5"];
  const key = make("p", { class: "key", "aria-hidden": "true" }, ...names.map((n, i) => make("span", { style: `--swatch:var(--behind-${i})` }, n)));
  fill("tasks", rows.length > 1
    ? `The best differs from task to task: ${listed(wins.map(w => `${methodName(w.m)} leads on ${w.n} of ${rows.length}`))}. A lead of less than its interval is luck as likely as merit; point at a cell for it.`
    : `How far each method is behind the best on ${data.tasks[tasks[0]].name}.`, scrolling("Points behind the best, task by task", table), key);
}

function drawPairs() {
  const order = cells().map(c => c.m);
  const pairs = view().pairs.filter(p => p.s === shown.size);
  if (order.length < 2 || !pairs.length) { fill("pairs", "", "Two methods that have finished the same tasks and seeds are needed here."); return; }
  const find = (a, b) => {
    const p = pairs.find(p => p.a === a && p.b === b), q = p ?? pairs.find(p => p.a === b && p.b === a);
    return p ?? (q && { ...q, wins: q.losses, losses: q.wins, mean: -q.mean, low: -q.high, high: -q.low });
  };
  const cell = (a, b) => {
    if (a === b) return make("td", { class: "self" }, make("span", { class: "visually-hidden" }, "itself"));
    const p = find(a, b);
    if (!p) return none();
    const verdict = p.holm < 0.05 ? (p.mean > 0 ? "won" : "lost") : "";
    return make("td", { class: verdict, title: `${methodName(a)} against ${methodName(b)}: mean difference ${signed(p.mean)} [${signed(p.low)}, ${signed(p.high)}], ${probability(p.p)}, corrected ${probability(p.holm)}, ${plural(p.n, "pair")}` },
      `${p.wins}–${p.ties}–${p.losses}`, make("br"), make("small", {}, (verdict === "won" ? "▲ " : verdict === "lost" ? "▼ " : "") + probability(p.holm)));
  };
  const table = make("table", { class: "matrix" },
    make("caption", {}, `Wins–ties–losses of the row against the column by task and seed (${taskPhrase()}, ${sizePhrase()}).`),
    make("thead", {}, make("tr", {}, make("td"), ...order.map(m => make("th", { scope: "col" }, methodName(m))))),
    make("tbody", {}, ...order.map(a => make("tr", {}, make("th", { scope: "row" }, methodName(a)), ...order.map(b => cell(a, b))))));
  const clear = pairs.filter(p => p.holm < 0.05 && order.includes(p.a) && order.includes(p.b)).length, all = order.length * (order.length - 1) / 2;
  fill("pairs", `Of ${plural(all, "pair")}, ${clear === 0 ? "none differs" : clear === 1 ? "one differs" : `${clear} differ`} by more than chance explains (Wilcoxon’s signed-rank test, p corrected for ${plural(pairs.length, "pair")} by Holm, below .05: ▲ the row is better, ▼ worse).`,
    scrolling("Wins, ties and losses", table));
}
