"use strict";
// Numbers as people read them. Scores are fractions in the data and hundredths ("points") on the page.

const minus = text => text.replace("-", "−");
const points = (score, digits = 1) => minus((100 * score).toFixed(digits));
const signed = score => { const text = points(score); return /^[−]?0\.0$/.test(text) ? "0.0" : score > 0 ? `+${text}` : text; };
const count = number => Math.round(number).toLocaleString("en-US");
const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** Bytes in powers of ten, as on disk: 812 B, 41 kB, 90.3 MB. */
function bytes(number) {
  if (number == null) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (number >= 999.5 && unit < units.length - 1) { number /= 1000; unit++; }
  return `${unit === 0 ? Math.round(number) : Number(number.toFixed(1))} ${units[unit]}`;
}

function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 82.1 ± 0.9 [81.3, 82.9]: mean, deviation over seeds, 95 % interval. Without an interval it says why. */
const interval = e => e.sure ? `[${points(e.low)}, ${points(e.high)}]` : "(too few seeds for an interval)";
const estimate = e => `${points(e.mean)}${e.deviation == null ? "" : ` ± ${points(e.deviation)}`} ${interval(e)}`;
const probability = p => p < 0.001 ? "p < .001" : `p = ${p.toFixed(p < 0.1 ? 3 : 2).replace(/^0/, "")}`;
const rate = number => minus(number.toExponential(1).replace(/\.0e/, "e").replace("e-", " × 10⁻").replace(/⁻(\d+)/, (_, d) => "⁻" + [...d].map(c => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("")));
const listed = words => words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

/** Words that no line may break: names with hyphens, numbers with their units. */
const whole = text => text.replaceAll("-", "\u2011").replaceAll(" ", "\u00a0");

/** An element: make("p", { class: "note" }, "text", child). */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value != null && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child != null));
  return element;
}
