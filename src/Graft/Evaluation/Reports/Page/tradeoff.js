"use strict";
// The main chart: score against stored bytes per task, with the front of methods that nothing beats with as few bytes.

function drawTradeoff() {
  const list = cells();
  if (!list.length) { fill("tradeoff", "", "No method is shown, or none has a finished run for this choice."); return; }
  const best = front(list), on = new Set(best.map(c => c.m)), chosen = recommended();
  const lede = [
    `${scoreName().replace(/^./, c => c.toUpperCase())} times 100 (${taskPhrase()}, ${sizePhrase()}) against the bytes that one more task adds on disk, adapter and head together. `,
    `On the blue line ${best.length === 1 ? "is the one method" : `are the ${best.length} methods`} that no other beats with as few bytes; whiskers are 95 % intervals.`,
  ];
  const alt = `Scatter of ${plural(list.length, "method")}. On the Pareto front, from small to large: `
    + best.map(c => `${methodName(c.m)} with ${points(c.mean)} ${interval(c)} for ${bytes(c.bytes)}`).join("; ") + ".";
  if (shown.task >= 0) lede.push(make("span", { class: "here" }, view().advice[shown.size]));
  const host = chartHost(alt);
  const place = fill("tradeoff", lede, host,
    numbersBehind(["method", "bytes per task", "score", "95 % interval", "on the front"],
      list.map(c => [methodName(c.m), bytes(c.bytes), points(c.mean), interval(c), on.has(c.m) ? "yes" : "no"])));
  const width = place.clientWidth, narrow = width < 560, height = narrow ? 340 : width < 800 ? 360 : 440;
  const room = { width: width - 44, height };
  const y = padded(list.flatMap(c => [c.low, c.high]));
  const span = list.map(c => Math.log10(c.bytes)), x = [Math.min(...span) - 0.25, Math.max(...span) + 0.3];
  const rows = list.map(c => ({
    ...c, name: methodName(c.m) + (c.m === chosen && !narrow ? " – recommended" : ""), kind: c.m === chosen ? "chosen" : on.has(c.m) ? "front" : "behind",
    x: (Math.log10(c.bytes) - x[0]) / (x[1] - x[0]) * room.width, y: (y[1] - c.mean) / (y[1] - y[0]) * height,
    tip: `${methodName(c.m)}\n${scoreName()} ${estimate(c)}\n${bytes(c.bytes)} per task, ${count(c.parameters)} parameters${c.comparable ? "" : "\nnot all tasks are finished: a mean over fewer tasks"}`,
  }));
  placeLabels(rows, frontBoxes(rows), room, narrow ? 11 : 13);
  const xField = { field: "bytes", type: "quantitative", scale: { type: "log", domain: x.map(e => 10 ** e), nice: false }, axis: { title: "bytes per task, on a logarithmic scale", values: decades(x), labelExpr: byteLabels(decades(x)), grid: false } };
  const yField = { field: "mean", type: "quantitative", scale: { domain: y, zero: false, nice: false }, axis: { title: scoreName(), titleX: 0, titleY: -8, tickCount: 6, labelExpr: "format(datum.value * 100, '.1f')" } };
  const tint = { condition: { test: "datum.kind !== 'behind'", value: "var(--blue)" }, value: "var(--soft)" };
  drawChart(host, {
    width: room.width, height, autosize: { type: "pad" }, padding: { top: 26, left: 0, right: 2, bottom: 8 },
    data: { values: rows }, encoding: { x: xField, y: yField },
    layer: [
      { transform: [{ filter: "datum.kind !== 'behind'" }], mark: { type: "line", interpolate: "step-after", strokeWidth: 2, color: "var(--blue)", opacity: 0.55 }, encoding: { order: { field: "bytes" } } },
      { mark: { type: "rule", strokeWidth: 2, opacity: 0.7 }, encoding: { y: { ...yField, field: "low" }, y2: { field: "high" }, color: tint } },
      { mark: { type: "point", filled: true, opacity: 1, strokeWidth: 2, cursor: "default" }, encoding: {
        color: { condition: { test: "datum.kind === 'behind'", value: "var(--paper)" }, value: "var(--blue)" }, stroke: tint,
        shape: { condition: { test: "datum.kind === 'chosen'", value: "diamond" }, value: "circle" },
        size: { condition: { test: "datum.kind === 'chosen'", value: 230 }, value: 95 }, tooltip: { field: "tip" } } },
      ...["left", "right", "center"].map(align => ({
        transform: [{ filter: `datum.align === '${align}'` }],
        mark: { type: "text", align, baseline: "middle", fontSize: narrow ? 11 : 13, dx: { expr: "datum.dx" }, dy: { expr: "datum.dy" }, lineBreak: "\n" },
        encoding: { text: { field: "name" }, color: { condition: { test: "datum.kind === 'behind'", value: "var(--soft)" }, value: "var(--ink)" } },
      })),
    ],
  });
}

/** Round numbers within a span of logarithms: powers of ten, or their halves and fifths too where there are few of them. */
function decades([low, high]) {
  const powers = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, i) => 10 ** (Math.floor(low) + i));
  const within = list => list.filter(v => Math.log10(v) >= low && Math.log10(v) <= high);
  return within(powers).length > 1 ? within(powers) : within(powers.flatMap(v => [v, 2 * v, 5 * v]));
}
const byteLabels = values => [...values.map(v => `datum.value === ${v} ? '${bytes(v)}'`), "''"].join(" : ");

/** The steps of the front as thin boxes, which names keep off. */
const frontBoxes = rows => rows.filter(r => r.kind !== "behind").sort((a, b) => a.x - b.x)
  .flatMap((r, i, all) => i === 0 ? [] : [[all[i - 1].x, all[i - 1].y - 2, r.x, all[i - 1].y + 2], [r.x - 2, r.y, r.x + 2, all[i - 1].y]]);

/** Gives each point the place for its name that overlaps least: names, points and whiskers already there, and the edges. */
function placeLabels(rows, lines, room, size) {
  const taken = [...rows.map(r => [r.x - 7, r.y - 7, r.x + 7, r.y + 7]), ...lines];
  const overlap = (a, b) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const places = [["left", 11, 0], ["left", 10, 13], ["right", -11, -12], ["right", -11, 0], ["left", 10, -13], ["right", -10, 13], ["center", 0, -20], ["center", 0, 21], ["left", 10, -26], ["left", 10, 27], ["right", -10, -26], ["right", -10, 27]];
  for (const row of [...rows].sort((a, b) => (a.kind === "behind") - (b.kind === "behind"))) {
    const width = row.name.length * size * 0.56;
    const boxes = places.map(([align, dx, dy], i) => {
      const left = row.x + dx - (align === "left" ? 0 : align === "right" ? width : width / 2), top = row.y + dy - size * 0.6;
      const box = [left, top, left + width, top + size * 1.2];
      const outside = Math.max(0, -box[0]) + Math.max(0, box[2] - room.width) + Math.max(0, -box[1]) + Math.max(0, box[3] - room.height);
      return { align, dx, dy, box, cost: i * 4 + outside * 60 + taken.reduce((sum, other) => sum + overlap(box, other), 0) };
    });
    const chosen = boxes.reduce((a, b) => b.cost < a.cost ? b : a);
    Object.assign(row, { align: chosen.align, dx: chosen.dx, dy: chosen.dy });
    taken.push(chosen.box);
  }
}
