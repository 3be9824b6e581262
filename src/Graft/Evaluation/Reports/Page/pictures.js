"use strict";
// Pictures that a method gives of a trained adapter: heat maps and points in a plane.

function drawPictures(id, lede, pictures) {
  const hosts = pictures.map(picture => ({ picture, host: chartHost(describe(picture)) }));
  fill(id, lede, make("div", { class: "pictures" }, ...hosts.map(({ picture, host }) => make("div", {}, make("h3", {}, picture.title), make("p", {}, picture.summary), host))));
  for (const { picture, host } of hosts) (picture.kind === "heat_map" ? drawHeatMap : drawScatter)(host, picture, host.clientWidth || 400);
}

function describe(picture) {
  if (picture.kind !== "heat_map") return `${picture.title}: ${plural(picture.points.length, "point")} in ${plural(new Set(picture.points.map(p => p.group)).size, "group")}.`;
  const known = picture.cells.filter(c => c.value != null), least = (a, b) => b.value < a.value ? b : a, most = (a, b) => b.value > a.value ? b : a;
  if (!known.length) return `${picture.title}: no number.`;
  const at = c => `${minus(c.value.toPrecision(3))} (${c.y}, ${c.x})`;
  return `${picture.title}: ${picture.value} from ${at(known.reduce(least))} to ${at(known.reduce(most))}.`;
}

function drawHeatMap(host, picture, width) {
  const columns = [...new Set(picture.cells.map(c => c.x))], rows = [...new Set(picture.cells.map(c => c.y))];
  const flat = picture.cells.filter(c => c.value != null).map(c => ({ ...c }));
  const low = Math.min(...flat.map(v => v.value)), high = Math.max(...flat.map(v => v.value));
  const label = Math.max(...rows.map(r => r.length)) * 6.6 + 14, cell = Math.min(72, (width - label) / columns.length), digits = Math.max(Math.abs(low), Math.abs(high)) >= 100 ? 0 : high - low < 0.1 ? 3 : 2;
  // What a thing shares with itself says nothing, and would leave one shade for all others.
  const others = flat.filter(v => picture.x !== picture.y || v.x !== v.y).map(v => v.value);
  const least = others.length ? Math.min(...others) : low, span = Math.max(others.length ? Math.max(...others) - least : 0, picture.x === picture.y ? (high - low) / 10 : 0) || 1;
  // Names that are wider than their columns lean, so that none has to be left out.
  const lean = cell < 44 || Math.max(...columns.map(c => c.length)) * 6.4 > cell;
  for (const v of flat) {
    v.step = Math.max(0, Math.min(5, Math.floor(6 * (v.value - least) / span)));
    v.tip = `${v.y}, ${v.x}\n${picture.value} ${minus(v.value.toPrecision(4))}`;
    v.text = minus(v.value.toFixed(digits));
  }
  const color = { field: "step", type: "ordinal", scale: { domain: [0, 1, 2, 3, 4, 5], range: [0, 1, 2, 3, 4, 5].map(i => `var(--seq-${i})`) }, legend: null };
  drawChart(host, {
    width: { step: cell }, height: { step: Math.max(26, Math.min(40, cell)) }, autosize: { type: "pad" },
    data: { values: flat },
    encoding: {
      x: { field: "x", type: "ordinal", sort: columns, scale: { paddingInner: 0.04 }, axis: { orient: "top", title: picture.x, domain: false, ticks: false, labelAngle: lean ? -45 : 0, labelLimit: 200, labelOverlap: cell < 14 } },
      y: { field: "y", type: "ordinal", sort: rows, scale: { paddingInner: 0.06 }, axis: { title: null, labelLimit: 260, labelColor: "var(--ink)" } },
    },
    layer: [
      { mark: { type: "rect" }, encoding: { color, tooltip: { field: "tip" } } },
      ...(cell >= 34 ? [{ mark: { type: "text", fontSize: 11, tooltip: null, aria: false }, encoding: { text: { field: "text" }, color: { condition: { test: "datum.step > 3", value: "var(--on-seq-high)" }, value: "var(--on-seq-low)" } } }] : []),
    ],
  });
}

function drawScatter(host, picture, width) {
  const groups = [...new Set(picture.points.map(p => p.group))];
  const values = picture.points.map(p => ({ ...p, tip: `${p.label}\n${p.group}` }));
  const side = Math.min(width - 60, 420);
  const axis = title => ({ title, tickCount: 5, grid: true });
  drawChart(host, {
    width: side, height: side * 0.8, autosize: { type: "pad" }, padding: { top: 22 }, data: { values },
    mark: { type: "point", filled: true, opacity: 0.8 },
    encoding: {
      x: { field: "x", type: "quantitative", scale: { zero: false }, axis: axis(picture.x) },
      y: { field: "y", type: "quantitative", scale: { zero: false }, axis: { ...axis(picture.y), titleX: 0, titleY: -8 } },
      color: { field: "group", type: "nominal", sort: groups, scale: { domain: groups, range: groups.map((_, i) => `var(--group-${i % 8})`) }, legend: groups.length > 1 ? { orient: "bottom", title: null, columns: Math.max(1, Math.floor(side / 150)) } : null },
      shape: { field: "group", type: "nominal", sort: groups, scale: { domain: groups } },
      size: { condition: { test: "datum.marked", value: 320 }, value: 60 },
      tooltip: { field: "tip" },
    },
  });
}
