"use strict";
// Puts the page together: the words at the top, the filters, and everything that they redraw.

const figures = [drawTradeoff, drawNumbers, drawGrowth, drawTasks, drawPairs, drawCurves, drawRates, drawStorage, drawLearnt];
const drawAll = () => figures.forEach(draw => draw());
const say = text => { byId("status").textContent = text; };

function writeTop() {
  byId("eyebrow").textContent = `Graft comparison · ${data.name}`;
  writeHeadline();
  byId("deck").textContent = data.deck;
  byId("advice").append(...data.views[0].advice.filter(text => text).map(text => {
    const colon = text.indexOf(": ");
    return make("p", {}, make("strong", {}, text.slice(0, colon)), text.slice(colon + 2));
  }));
  byId("incomplete").hidden = !data.incomplete;
  byId("incomplete").textContent = data.incomplete ?? "";
  byId("colophon").textContent = `Made by graft report, version ${data.version}. Everything on this page is in this one file; it asks nothing of any network.`;
}

/** The finding of the largest number of rows that has one: a method, its score with its interval, its bytes. */
function writeHeadline() {
  const size = data.sizes.findLastIndex((_, s) => data.views[0].recommended[s] != null), m = data.views[0].recommended[size];
  const best = data.views[0].cells.find(c => c.m === m && c.s === size);
  const score = `${points(best.mean)}${best.deviation == null ? "" : ` ± ${points(best.deviation)}`}`;
  byId("headline").append(`With ${data.sizes[size].label === "all" ? "all" : data.sizes[size].label} training rows, ${whole(methodName(m))} scores ${whole(score)} `,
    best.sure ? make("span", { class: "interval" }, whole(interval(best)), " ") : "", `at ${whole(bytes(best.bytes))} per task`);
}

function writeMaking() {
  const facts = make("dl", { class: "facts" }, ...data.facts.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
  const folded = (title, text) => make("details", {}, make("summary", {}, title), make("pre", { tabindex: "0" }, text));
  byId("making").append(facts,
    ...data.missing.length ? [folded(`The ${plural(data.missing.length, "missing run")}`, data.missing.join("\n"))] : [],
    folded("The plan", JSON.stringify(data.plan, null, 2)), folded("The command of each run", data.commands.join("\n")));
}

function makeFilters() {
  byId("task").append(...[planned.length > 1 ? `All ${planned.length} tasks` : planned[0].name, ...data.tasks.length > 1 ? data.tasks.map(t => t.name) : []]
    .map((name, i) => make("option", { value: i - 1, selected: i - 1 === shown.task }, name)));
  byId("task").addEventListener("change", e => { shown.task = Number(e.target.value); changed(); });
  byId("sizes").append(make("div", {}, ...data.sizes.map((size, s) => make("label", {},
    make("input", { type: "radio", name: "size", checked: s === shown.size, onchange: () => { shown.size = s; changed(); } }), size.label))));
  byId("methods").append(...data.methods.map((method, m) => make("label", {},
    make("input", { type: "checkbox", checked: !shown.hidden.has(m), onchange: e => { shown.hidden[e.target.checked ? "delete" : "add"](m); changed(); } }), method.name)),
  make("button", { type: "button", onclick: () => { shown.hidden.clear(); byId("methods").querySelectorAll("input").forEach(box => { box.checked = true; }); changed(); } }, "all"));
  byId("controls").addEventListener("submit", e => e.preventDefault());
  if (matchMedia("(max-width: 40rem)").matches) byId("controls").querySelector("details").open = false;
}

function changed() {
  byId("shown").textContent = shown.hidden.size ? `(${visible().length} of ${data.methods.length})` : "";
  drawAll();
  remember();
  say(`Showing ${plural(visible().length, "method")}, ${taskPhrase()}, ${sizePhrase()}.`);
}

makeTheme();
recall();
writeTop();
writeMaking();
drawClaimed();
makeFilters();
byId("shown").textContent = shown.hidden.size ? `(${visible().length} of ${data.methods.length})` : "";
drawAll();

onChangedWidth(drawAll);
