"use strict";
// From a Vega-Lite specification to marks on the page. Colours are CSS variables, so a change of theme and print need no redrawing.

const font = getComputedStyle(document.documentElement).getPropertyValue("--sans");
const look = {
  background: null, padding: 0, font,
  view: { stroke: null },
  axis: {
    labelColor: "var(--soft)", titleColor: "var(--soft)", labelFontSize: 12, titleFontSize: 12, titleFontWeight: 400, titlePadding: 8,
    gridColor: "var(--rule)", domainColor: "var(--faint)", tickColor: "var(--faint)", tickSize: 4, labelPadding: 4,
  },
  axisY: { domain: false, ticks: false, titleAngle: 0, titleAlign: "left", titleAnchor: "end", titleBaseline: "bottom" },
  axisX: { grid: false },
  text: { color: "var(--ink)", fontSize: 12 },
  legend: { labelColor: "var(--ink)", titleColor: "var(--soft)", labelFontSize: 12, titleFontWeight: 400, symbolSize: 70, labelLimit: 220 },
};

const views = new Map(); // host -> its Vega view, to be closed when the host is drawn anew

function drawChart(host, spec) {
  views.get(host)?.finalize();
  const container = make("div"); // Vega names its own container; the host keeps our words
  host.replaceChildren(container);
  const compiled = vegaLite.compile({ ...spec, config: { ...look, ...spec.config } }).spec;
  const drawn = new vega.View(vega.parse(compiled), { renderer: "svg", container, hover: true, tooltip: showTip, logLevel: vega.Error });
  views.set(host, drawn);
  return drawn.runAsync();
}

/** A place for a chart: one image for a screen reader, with what it shows in words. */
const chartHost = alt => make("div", { class: "chart", role: "img", "aria-label": alt });

function forgetCharts(container) {
  for (const [host, drawn] of views) if (container.contains(host)) { drawn.finalize(); views.delete(host); }
}

// One tooltip for all charts: its first line stands out.
const tip = make("div", { id: "tip", hidden: true, "aria-hidden": "true" });
document.body.append(tip);

function showTip(_, event, __, value) {
  if (value == null || value === "") { tip.hidden = true; return; }
  const [title, ...lines] = String(value).split("\n");
  tip.replaceChildren(make("b", {}, title), ...lines.flatMap(line => [make("span", {}, line), make("br")]));
  tip.hidden = false;
  const room = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - room.width - 8))}px`;
  tip.style.top = `${event.clientY + 18 + room.height > innerHeight ? event.clientY - room.height - 12 : event.clientY + 18}px`;
}

/** The numbers of a chart as a table, closed until it is wanted. */
function numbersBehind(columns, rows) {
  const head = make("tr", {}, ...columns.map(c => make("th", { scope: "col" }, c)));
  return make("details", { class: "behind-numbers" }, make("summary", {}, "The numbers of this chart"),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The numbers of this chart" },
      make("table", { class: "plain" }, make("thead", {}, head),
        make("tbody", {}, ...rows.map(row => make("tr", {}, ...row.map((cell, i) => make(i ? "td" : "th", i ? {} : { scope: "row" }, String(cell)))))))));
}

/** Fills a section: its sentence and its figure. Nothing to show is said in the figure's place. */
function fill(id, lede, ...figure) {
  const section = document.getElementById(id), place = section.querySelector("figure");
  forgetCharts(place);
  section.querySelector(".lede").replaceChildren(...[lede].flat());
  const empty = figure.length === 1 && typeof figure[0] === "string";
  place.classList.toggle("empty", empty);
  place.replaceChildren(...figure);
  return place;
}

/** The whole of some numbers with room around it; at least `least` wide, so that noise does not fill a chart. */
function padded(values, share = 0.06, least = 0.02) {
  const low = Math.min(...values), high = Math.max(...values), more = Math.max((high - low) * share, (least - (high - low)) / 2, 1e-9);
  return [low - more, high + more];
}
