"use strict";
// Small multiples, a panel a method: its own line in ink and blue, the others in grey behind it, one scale for all of them.

/** A grid of panels; `draw(host, method)` draws one. Returns the grid and a function that draws all, once it is on the page. */
function panelGrid(methods, reading, alt, draw) {
  const hosts = methods.map(m => ({ m, host: chartHost(alt(m)) }));
  const fit = Math.max(1, Math.floor(document.getElementById("main").clientWidth / 200)), lines = Math.ceil(methods.length / fit); // full lines look better than a rest
  const grid = make("div", { class: "panels", style: `--columns:${Math.max(2, Math.min(6, Math.ceil(methods.length / lines)))}` }, ...hosts.map(({ m, host }) => make("div", {},
    make("h3", {}, methodName(m), m === recommended() ? make("span", { class: "tag" }, "recommended") : null),
    make("p", { class: "reading" }, reading(m)), host)));
  return [grid, () => hosts.forEach(({ m, host }) => draw(host, m, host.clientWidth || 180))];
}

const noTitle = { title: null };
const pointsAxis = { ...noTitle, tickCount: 4, labelExpr: "format(datum.value * 100, '.0f')", labelFontSize: 11 };

/** Score against training rows, with bands. */
function drawGrowth() {
  const sizes = data.sizes.map((_, s) => s);
  const all = view().cells.filter(c => !shown.hidden.has(c.m)).map(c => ({ ...c, rows: data.sizes[c.s].rows }));
  if (sizes.length < 2 || !all.length) {
    fill("growth", "", sizes.length < 2 ? `This comparison has one number of training rows (${data.sizes[0].label}), so there is no growth to show.` : "No method is shown.");
    return;
  }
  const of = (m, s) => all.find(c => c.m === m && c.s === s);
  const methods = cells(sizes.length - 1).map(c => c.m);
  const gains = methods.map(m => ({ m, gain: of(m, sizes.length - 1)?.mean - of(m, 0)?.mean })).filter(g => !isNaN(g.gain)).sort((a, b) => b.gain - a.gain);
  const lede = `From ${data.sizes[0].label} to ${data.sizes.at(-1).label} training rows${gains.length > 1 ? `, ${methodName(gains[0].m)} gains most (${signed(gains[0].gain)} points) and ${methodName(gains.at(-1).m)} least (${signed(gains.at(-1).gain)})` : ""}. `
    + `Each panel is one method, ${taskPhrase()}, its 95 % interval as a band; the others are grey.`;
  const y = padded(all.flatMap(c => [c.low, c.high]));
  const x = { field: "rows", type: "quantitative", scale: { type: "log", nice: false, padding: 4 }, axis: { ...noTitle, values: data.sizes.map(s => s.rows), labelExpr: data.sizes.map(s => `datum.value === ${s.rows} ? '${s.label}'`).join(" : ") + " : ''", grid: false, labelFontSize: 11, labelFlush: true } };
  const [grid, draw] = panelGrid(methods,
    m => sizes.map(s => of(m, s)).filter(Boolean).map(c => points(c.mean)).join(" → "),
    m => `${methodName(m)}: ` + sizes.filter(s => of(m, s)).map(s => `${estimate(of(m, s))} with ${sizePhrase(s)}`).join("; ") + ".",
    (host, m, width) => drawChart(host, {
      width: width - 26, height: 130, autosize: { type: "pad" }, padding: { top: 4, left: 0, right: 4, bottom: 0 },
      data: { values: all.map(c => ({ ...c, tip: `${methodName(c.m)}, ${sizePhrase(c.s)}\n${estimate(c)}` })) },
      encoding: { x, y: { field: "mean", type: "quantitative", scale: { domain: y, zero: false, nice: false }, axis: pointsAxis } },
      layer: [
        { transform: [{ filter: `datum.m !== ${m}` }], mark: { type: "line", color: "var(--faint)", strokeWidth: 1, opacity: 0.8 }, encoding: { detail: { field: "m" } } },
        { transform: [{ filter: `datum.m === ${m}` }], mark: { type: "area", color: "var(--blue)", opacity: 0.18 }, encoding: { y: { field: "low", type: "quantitative" }, y2: { field: "high" } } },
        { transform: [{ filter: `datum.m === ${m}` }], mark: { type: "line", color: "var(--blue)", strokeWidth: 2.5 } },
        { transform: [{ filter: `datum.m === ${m}` }], mark: { type: "point", filled: true, color: "var(--blue)", size: 45, opacity: 1 }, encoding: { tooltip: { field: "tip" } } },
      ],
    }));
  fill("growth", lede, grid, numbersBehind(["method", ...data.sizes.map(s => `${s.label} rows`)], methods.map(m => [methodName(m), ...sizes.map(s => of(m, s) ? estimate(of(m, s)) : "–")])));
  draw();
}

/** The metric on dev while training, each run against its own length. */
function drawCurves() {
  const lines = runs(shown.size).flatMap((r, i) => r.curves.map((curve, k) => curve.map(([step, dev, loss], e) => ({
    m: r.m, line: `${i}.${k}`, e: e + 1, share: step / curve.at(-1)[0], dev, tip: `${methodName(r.m)} on ${data.tasks[r.t].name}, seed ${r.seed}\nstep ${count(step)}: dev ${points(dev ?? 0)}, loss ${loss == null ? "unknown" : loss.toFixed(3)}`,
  })))).flat().filter(l => l.dev != null);
  const methods = cells().map(c => c.m).filter(m => lines.some(l => l.m === m));
  if (!methods.length) { fill("curves", "", "No run is finished for this choice."); return; }
  const mean = (m, e) => { const at = lines.filter(l => l.m === m && l.e === e); return at.length ? at.reduce((s, l) => s + l.dev, 0) / at.length : null; };
  const evaluations = [...new Set(lines.map(l => l.e))].sort((a, b) => a - b);
  const means = methods.flatMap(m => evaluations.map(e => ({ m, share: lines.find(l => l.m === m && l.e === e)?.share, dev: mean(m, e) })).filter(p => p.dev != null));
  const y = padded(lines.map(l => l.dev), 0.03);
  const lede = `The metric on dev at each evaluation, from the first to the last training step (${taskPhrase()}, ${sizePhrase()}). Thin lines are single runs, the blue one is their mean.`;
  const [grid, draw] = panelGrid(methods,
    m => evaluations.length > 1 && mean(m, evaluations.at(-1)) != null ? `${points(mean(m, evaluations[0]))} → ${points(mean(m, evaluations.at(-1)))}` : "",
    m => `${methodName(m)}: mean on dev ${evaluations.map(e => mean(m, e)).filter(v => v != null).map(v => points(v)).join(", ")}.`,
    (host, m, width) => drawChart(host, {
      width: width - 26, height: 120, autosize: { type: "pad" }, padding: { top: 4, left: 0, right: 4, bottom: 0 },
      data: { values: [] },
      encoding: { x: { field: "share", type: "quantitative", scale: { domain: [0, 1] }, axis: { ...noTitle, values: [0, 1], labelExpr: "datum.value ? 'end' : 'start'", labelFlush: true, labelFontSize: 11 } }, y: { field: "dev", type: "quantitative", scale: { domain: y, zero: false, nice: false }, axis: pointsAxis } },
      layer: [
        { data: { values: lines.filter(l => l.m === m) }, mark: { type: "line", color: "var(--faint)", strokeWidth: 1, opacity: 0.75 }, encoding: { detail: { field: "line" } } },
        { data: { values: lines.filter(l => l.m === m) }, mark: { type: "point", filled: true, size: 30, opacity: 0 }, encoding: { tooltip: { field: "tip" } } },
        { data: { values: means.filter(p => p.m === m) }, mark: { type: "line", color: "var(--blue)", strokeWidth: 2.5, point: { size: 30, filled: true, color: "var(--blue)" } } },
      ],
    }));
  fill("curves", lede, grid, numbersBehind(["method", ...evaluations.map(e => `evaluation ${e}`)], methods.map(m => [methodName(m), ...evaluations.map(e => mean(m, e) == null ? "–" : points(mean(m, e)))])));
  draw();
}

/** The search for learning rates: what each rate lost on dev against the best one of the same search. */
function drawRates() {
  const trials = runs(shown.size).filter(r => r.trials.length > 1).flatMap(r => {
    const best = Math.max(...r.trials.map(t => t[1] ?? -Infinity));
    return r.trials.map(([at, dev]) => ({
      m: r.m, line: `${r.t}.${r.seed}`, factor: Number((at / data.methods[r.m].rate).toPrecision(2)), lost: dev == null ? null : dev - best, kept: at === r.rate,
      tip: `${methodName(r.m)} on ${data.tasks[r.t].name}\nrate ${rate(at)}: ${dev == null ? "diverged" : `dev ${points(dev)} (${dev === best ? "the best" : `${signed(dev - best)} points`})`}`,
    }));
  });
  const methods = data.methods.map((_, m) => m).filter(m => trials.some(t => t.m === m));
  if (!methods.length) { fill("rates", "", "No learning rates were searched for in what is shown: every run took a given one."); return; }
  const factors = [...new Set(trials.map(t => t.factor))].sort((a, b) => a - b), floor = Math.min(-0.01, ...trials.map(t => t.lost ?? 0)) * 1.08;
  const lost = (m, f) => { const at = trials.filter(t => t.m === m && t.factor === f && t.lost != null); return at.length ? at.reduce((s, t) => s + t.lost, 0) / at.length : null; };
  const diverged = trials.filter(t => t.lost == null);
  for (const t of diverged) t.lost = floor;
  const lede = `Every method got the same search: its own default rate times ${listed(factors.map(f => `${f}`))}, judged on dev with the first seed. A line is a task; 0 is the best rate of that search`
    + `${diverged.length ? `, and a cross a training that diverged (${diverged.length} of ${trials.length})` : ""}. A method whose lines are flat forgives a wrong guess.`;
  const x = { field: "factor", type: "ordinal", sort: factors, scale: { type: "point", padding: 0.3 }, axis: { ...noTitle, labelAngle: 0, labelExpr: "'× ' + datum.label", labelFontSize: 11 } };
  const [grid, draw] = panelGrid(methods,
    m => `default ${rate(data.methods[m].rate)}`,
    m => `${methodName(m)}: ` + factors.map(f => `at ${f} times the default ${lost(m, f) == null ? "all diverged" : `${signed(lost(m, f))} points on average`}`).join(", ") + ".",
    (host, m, width) => drawChart(host, {
      width: width - 26, height: 120, autosize: { type: "pad" }, padding: { top: 6, left: 0, right: 4, bottom: 0 },
      data: { values: trials.filter(t => t.m === m).map(t => ({ ...t, failed: t.tip.endsWith("diverged") })) },
      encoding: { x, y: { field: "lost", type: "quantitative", scale: { domain: [floor, 0], nice: false }, axis: { ...pointsAxis, labelExpr: "replace(format(datum.value * 100, '.0f'), '-', '−')" } } },
      layer: [
        { mark: { type: "line", strokeWidth: 1, color: "var(--faint)" }, encoding: { detail: { field: "line" } } },
        { mark: { type: "point", size: 38, strokeWidth: 1.5, opacity: 1 }, encoding: {
          shape: { condition: { test: "datum.failed", value: "cross" }, value: "circle" },
          stroke: { condition: [{ test: "datum.failed", value: "var(--orange)" }, { test: "datum.kept", value: "var(--blue)" }], value: "var(--faint)" },
          fill: { condition: [{ test: "datum.failed", value: "var(--orange)" }, { test: "datum.kept", value: "var(--blue)" }], value: "var(--paper)" }, tooltip: { field: "tip" } } },
      ],
    }));
  fill("rates", lede, grid, numbersBehind(["method", ...factors.map(f => `× ${f}`)], methods.map(m => [methodName(m), ...factors.map(f => lost(m, f) == null ? "diverged" : `${signed(lost(m, f))}`)])));
  draw();
}
