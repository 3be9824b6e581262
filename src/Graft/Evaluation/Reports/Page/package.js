"use strict";
// Puts the page of a package together.

const data = JSON.parse(byId("package").textContent);
const drawAll = () => drawPictures("learnt", "", data.pictures);

makeTheme();
byId("headline").textContent = data.title.replaceAll("-", "\u2011"); // no line breaks inside of a name
byId("facts").append(...data.facts.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
byId("colophon").textContent = `Made by graft inspect, version ${data.version}. Everything on this page is in this one file; it asks nothing of any network.`;
drawAll();
onChangedWidth(drawAll);
