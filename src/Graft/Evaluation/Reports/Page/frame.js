"use strict";
// What every page has around its charts: light and dark, and charts that are as wide as their place.

const byId = id => document.getElementById(id);

/** Light, dark, or what the system says: the button goes round; the choice is kept where the browser lets a file keep anything. */
function makeTheme() {
  const themes = ["system", "light", "dark"], stored = () => { try { return localStorage.getItem("graft-theme"); } catch { return null; } };
  let theme = themes.includes(stored()) ? stored() : "system";
  const apply = () => {
    if (theme === "system") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = theme;
    byId("theme-name").textContent = theme === "system" ? "as the system" : theme;
    byId("theme").setAttribute("aria-label", `Colours: ${theme === "system" ? "as the system" : theme}. Switch`);
  };
  byId("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try { localStorage.setItem("graft-theme", theme); } catch { /* a file may not be allowed to */ }
    apply();
  });
  apply();
}

/** Charts are as wide as their place: draws again when it changes, and for the width of paper before printing. */
function onChangedWidth(draw) {
  let width = document.body.clientWidth, waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (document.body.clientWidth !== width) { width = document.body.clientWidth; draw(); } }, 120);
  });
  addEventListener("beforeprint", () => { document.documentElement.classList.add("paper"); draw(); });
  addEventListener("afterprint", () => { document.documentElement.classList.remove("paper"); draw(); });
}
