"use strict";
// What many tasks cost on disk: a line of dots a method, one for each number of tasks.

function drawStorage() {
  const account = data.storage;
  if (!account) { fill("storage", "", "There is no storage account beside this comparison (storage.json): ‘graft compare’ writes it when all runs are finished."); return; }
  const rows = account.rows.filter(r => r.m == null || !shown.hidden.has(r.m)).sort((a, b) => a.bytes.at(-1) - b.bytes.at(-1));
  if (!rows.length) { fill("storage", "", "No method is shown."); return; }
  const most = account.counts.length - 1, [least, largest] = [rows[0], rows.at(-1)], times = largest.bytes[most] / least.bytes[most];
  const lede = `Bytes of all packages together for ${listed(account.counts.map(c => count(c)))} tasks, the backbone apart. For ${count(account.counts[most])} tasks ${least.name} takes ${bytes(least.bytes[most])}`
    + (rows.length > 1 ? ` and ${largest.name} ${bytes(largest.bytes[most])}, ${count(times)} times as much.` : ".");
  const dots = rows.flatMap(r => r.bytes.map((b, i) => ({ name: r.name, bytes: b, at: i, measured: r.measured[i], label: bytes(b), tasks: count(account.counts[i]) + (account.counts[i] === 1 ? " task" : ""), tip: `${r.name}, ${plural(account.counts[i], "task")}\n${bytes(b)}, ${r.measured[i] ? "files on disk" : "by formula"}` })));
  const alt = rows.map(r => `${r.name}: ` + r.bytes.map((b, i) => `${bytes(b)} for ${plural(account.counts[i], "task")}`).join(", ")).join("; ") + ".";
  const host = chartHost(alt);
  const place = fill("storage", lede, host, account.note ? make("p", { class: "note" }, account.note) : null,
    numbersBehind(["method", ...account.counts.map(c => plural(c, "task"))], rows.map(r => [r.name, ...r.bytes.map(bytes)])));
  const names = rows.map(r => r.name), gutter = Math.max(...names.map(n => n.length)) * 7.4 + 18, width = Math.max(160, place.clientWidth - gutter - 64);
  const span = dots.map(d => Math.log10(d.bytes)), x = [Math.min(...span) - 0.1, Math.max(...span) + 0.1], ticks = decades(x);
  const narrow = width < 420;
  const shade = i => `var(--seq-${[2, 3, 4, 5][Math.min(3, i + Math.max(0, 4 - account.counts.length))]})`;
  const y = { field: "name", type: "ordinal", sort: names, axis: { title: null, labelColor: "var(--ink)", labelFontSize: 13, labelLimit: 240, grid: false } };
  drawChart(host, {
    width, height: { step: 34 }, autosize: { type: "pad" }, padding: { right: 60, top: 18, left: 0, bottom: 0 },
    data: { values: dots },
    encoding: { y, x: { field: "bytes", type: "quantitative", scale: { type: "log", domain: x.map(e => 10 ** e), nice: false }, axis: { title: "bytes, on a logarithmic scale", values: narrow ? ticks.filter((_, i) => i % 2 === 0) : ticks, labelExpr: byteLabels(ticks), grid: true } } },
    layer: [
      { mark: { type: "line", color: "var(--faint)", strokeWidth: 1.5 }, encoding: { detail: { field: "name" } } },
      { mark: { type: "point", size: 130, opacity: 1, strokeWidth: 2 }, encoding: {
        stroke: { field: "at", type: "ordinal", scale: { domain: account.counts.map((_, i) => i), range: account.counts.map((_, i) => shade(i)) }, legend: null },
        fill: { condition: { test: "datum.measured", field: "at", type: "ordinal", scale: { domain: account.counts.map((_, i) => i), range: account.counts.map((_, i) => shade(i)) }, legend: null }, value: "var(--paper)" },
        tooltip: { field: "tip" } } },
      ...account.backbone > 10 ** x[0] && account.backbone < 10 ** x[1] ? [
        { data: { values: [{ bytes: account.backbone }] }, mark: { type: "rule", color: "var(--soft)", strokeDash: [2, 4] }, encoding: { y: null, x: { field: "bytes", type: "quantitative" } } },
        { data: { values: [{ bytes: account.backbone }] }, mark: { type: "text", y: -8, fontSize: 11, color: "var(--soft)", text: "the backbone, once" }, encoding: { y: null, x: { field: "bytes", type: "quantitative" } } },
      ] : [],
      { transform: [{ filter: `datum.at === ${most}` }], mark: { type: "text", align: "left", dx: 12, fontSize: 12 }, encoding: { text: { field: "label" } } },
      { transform: [{ filter: `datum.name === ${JSON.stringify(names[0])}` }], mark: { type: "text", dy: -15, fontSize: 11, color: "var(--soft)" }, encoding: { text: { field: "tasks" } } },
    ],
  });
}
