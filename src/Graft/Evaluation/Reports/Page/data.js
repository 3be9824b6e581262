"use strict";
// The comparison as the page holds it, and what the reader chose to see of it. Statistics come with the data; the page only selects.

const data = JSON.parse(document.getElementById("comparison").textContent);

/** What is shown: a task (-1 for all of them together), a number of training rows, and the methods that are left out. */
const shown = { task: -1, size: data.sizes.length - 1, hidden: new Set() };

const view = () => data.views[shown.task + 1];
const visible = () => data.methods.map((_, m) => m).filter(m => !shown.hidden.has(m));
const methodName = m => data.methods[m].name;
const scoreName = () => shown.task < 0 ? data.score : data.tasks[shown.task].metric;
const planned = data.tasks.filter(t => t.of == null); // without the parts of mixtures
const taskPhrase = () => shown.task < 0 ? (planned.length === 1 ? planned[0].name : `the mean over ${planned.length} tasks`) : data.tasks[shown.task].name;
const sizePhrase = (size = shown.size) => data.sizes[size].label === "all" ? "all training rows" : `${data.sizes[size].label} training rows`;

/** The cells (a method with one number of rows) of the chosen task, best first. */
const cells = (size = shown.size) => view().cells.filter(c => c.s === size && !shown.hidden.has(c.m)).sort((a, b) => b.mean - a.mean);
/** The runs of the chosen task; those of a part of a mixture are the mixture's, with the part's curve alone. */
function runs(size) {
  const task = data.tasks[shown.task], place = task?.of ?? shown.task;
  const list = data.runs.filter(r => !shown.hidden.has(r.m) && r.s === size && (!task || r.t === place));
  return task?.of == null ? list : list.map(r => ({ ...r, curves: [r.curves[shown.task - place - 1]] }));
}

/** Those that nothing shown beats with as few bytes: the front that Pareto drew, of what is left after filtering. */
function front(list) {
  let best = -Infinity;
  return [...list].filter(c => c.comparable).sort((a, b) => a.bytes - b.bytes || b.mean - a.mean)
    .filter(c => c.mean > best && (best = c.mean, true));
}

/** The method that is recommended for the chosen rows; undefined where there is none or it is hidden. */
const recommended = (size = shown.size) => cells(size).find(c => c.m === view().recommended[size])?.m;

// The choice is kept in the address, so that a filtered report can be linked to.
function remember() {
  const parts = new URLSearchParams();
  if (shown.task >= 0) parts.set("task", data.tasks[shown.task].name);
  if (shown.size !== data.sizes.length - 1) parts.set("rows", data.sizes[shown.size].label);
  if (shown.hidden.size) parts.set("without", [...shown.hidden].map(methodName).join(","));
  const hash = parts.toString();
  try { history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search); } catch { /* some viewers forbid it */ }
}

function recall() {
  const parts = new URLSearchParams(location.hash.slice(1));
  shown.task = data.tasks.findIndex(t => t.name === parts.get("task"));
  const size = data.sizes.findIndex(s => s.label === parts.get("rows"));
  if (size >= 0) shown.size = size;
  const without = new Set((parts.get("without") ?? "").split(","));
  data.methods.forEach((method, m) => { if (without.has(method.name)) shown.hidden.add(m); });
}
