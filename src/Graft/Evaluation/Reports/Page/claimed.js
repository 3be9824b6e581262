"use strict";
// The plan's hypotheses, a line each with its verdict; what speaks for and against it folds out. They are about the whole plan, so the filters do not act on them.

const signs = { supported: "✓", refuted: "✗", undecided: "≈", untested: "…" };

function drawClaimed() {
  const list = data.hypotheses, section = document.getElementById("claimed");
  section.hidden = !list.length;
  if (!list.length) return;
  const many = verdict => list.filter(h => h.verdict === verdict).length;
  const tally = Object.keys(signs).filter(many).map(verdict => `${count(many(verdict))} ${verdict}`);
  const claim = h => make("details", { class: `claim ${h.verdict}` },
    make("summary", {}, make("span", { class: "verdict" }, make("span", { "aria-hidden": "true" }, `${signs[h.verdict]} `), h.verdict), " ", make("b", {}, h.text)),
    make("p", { class: "note" }, `${h.meaning}.`),
    scrolling(`Checks of: ${h.text}`, make("table", { class: "plain" },
      make("thead", {}, make("tr", {}, ...data.hypothesisHead.map(name => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...h.checks.map(([other, ...rest]) => make("tr", {}, make("th", { scope: "row" }, other), ...rest.map(text => make("td", {}, text))))))));
  fill("claimed", `${plural(list.length, "statement")} that the plan made before the runs: ${listed(tally)}. Supported and refuted mean that the 95 % interval of the paired difference lies wholly on one side; undecided, that it reaches to both.`,
    make("div", { class: "claims" }, ...list.map(claim)));
}
