"use strict";
// What a run's adapter learnt: pictures that the method itself gave, of one run that the reader chooses.

const picked = { m: -1, t: -1, s: -1, seed: null };

function drawLearnt() {
  const with_ = data.pictures.map(p => ({ ...data.runs[p.run], pictures: p.pictures })).filter(r => !shown.hidden.has(r.m));
  const picker = document.getElementById("picker");
  picker.replaceChildren();
  if (!with_.length) { fill("learnt", "", data.pictures.length ? "None of the methods shown has pictures." : "None of these methods has pictures to show."); return; }
  if (shown.task >= 0) picked.t = data.tasks[shown.task].of ?? shown.task;
  picked.s = shown.size;
  // Each choice narrows the next; what is not there any more falls back to the first that is.
  let left = with_;
  for (const [key, label, name] of [["m", "Method", methodName], ["t", "Task", t => data.tasks[t].name], ["s", "Training rows", s => data.sizes[s].label], ["seed", "Seed", String]]) {
    const values = [...new Set(left.map(r => r[key]))];
    if (!values.includes(picked[key])) picked[key] = key === "s" ? values.at(-1) : values[0];
    left = left.filter(r => r[key] === picked[key]);
    const select = make("select", { id: `picked-${key}`, onchange: e => { picked[key] = values[e.target.selectedIndex]; drawLearnt(); document.getElementById(`picked-${key}`).focus(); } },
      ...values.map(v => make("option", { selected: v === picked[key] }, name(v))));
    picker.append(make("div", { class: "field" }, make("label", { for: `picked-${key}` }, label), select));
  }
  const run = left[0];
  drawPictures("learnt", `What is inside the trained adapter, run by run: ${methodName(run.m)} on ${data.tasks[run.t].name}, ${sizePhrase(run.s)}, seed ${run.seed}.`, run.pictures);
}
