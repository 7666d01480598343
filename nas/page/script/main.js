// Brings the page to life: a model and its views for each run, the address, tabs, light and dark, paper.

const sections = [...document.querySelectorAll("section.run")];
const panel = document.getElementById("details");
const SLICE = 40; // milliseconds after which the views that are left wait for the next frame

// One run: its model and its views, each drawn again only while it is on screen, so many a frame as there is time for.
class Run {
  constructor(section, place) {
    this.section = section;
    this.place = place;
    this.model = new Model(JSON.parse(document.getElementById(section.dataset.data).textContent));
    this.views = [...section.querySelectorAll("[data-view]"), panel].map((box) => this.view(box));
    this.watch = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "100px" });
    for (const { box } of this.views) if (box !== panel) this.watch.observe(box);
    for (const mark of section.querySelectorAll("[data-spaces]")) this.points(mark);
    for (const mark of section.querySelectorAll("[data-place]")) mark.addEventListener("click", () => this.model.choose(Number(mark.dataset.place)));
    this.model.on((what) => this.changed(what));
  }

  view(box) {
    const view = new VIEWS[box.dataset.view](box, this.model);
    return { box, view, hears: view.hears ?? ["selection", "chosen"], stale: true, near: box === panel, drawn: 0 };
  }

  // An element whose `data-spaces` names spaces (JSON) points at them.
  points(mark) {
    const places = JSON.parse(mark.dataset.spaces).map((name) => this.model.spaces.findIndex((space) => space.name === name));
    for (const event of ["pointerenter", "focusin"]) mark.addEventListener(event, () => this.model.point(...places));
    for (const event of ["pointerleave", "focusout"]) mark.addEventListener(event, () => this.model.point());
  }

  changed(what) {
    for (const each of this.views) each.stale ||= each.hears.includes(what);
    if (what !== "pointed" && !this.reading && !this.section.hidden) writeAddress(this);
    this.soon();
  }

  soon() {
    this.later ??= requestAnimationFrame(() => this.draw());
  }

  seen(entries) {
    for (const entry of entries) this.views.find((each) => each.box === entry.target).near = entry.isIntersecting;
    this.draw();
  }

  draw(all = false) {
    this.later = undefined;
    if (this.section.hidden) return;
    const end = performance.now() + (all ? Infinity : SLICE);
    for (const each of this.waiting(all)) {
      if (performance.now() > end) return this.soon();
      each.stale = false;
      each.drawn = performance.now();
      each.view.draw(this.model);
    }
  }

  // Views to draw: first the one under the pointer, which a drag should move with, then those that waited longest.
  waiting(all) {
    const first = ({ box }) => Number(box.matches(":hover"));
    return this.views.filter((each) => each.stale && (each.near || all)).sort((a, b) => first(b) - first(a) || a.drawn - b.drawn);
  }

  // Draws everything again, for other colours or another width.
  redraw(all) {
    for (const each of this.views) each.stale = true;
    this.draw(all);
  }

  read(address) {
    this.reading = true;
    this.model.address = address;
    this.reading = false;
  }
}

const runs = new Map();
const runOf = (section) => runs.get(section) ?? runs.set(section, new Run(section, sections.indexOf(section) + 1)).get(section);
const shown = () => sections.find((section) => !section.hidden);

function show(section) {
  for (const other of sections) other.hidden = other !== section;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.getAttribute("aria-controls") === section.id;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  runOf(section).redraw();
  requestAnimationFrame(() => ready(section));
}

// Says in the document that a run is drawn, as soon as no view of it waits for a frame.
function ready(section) {
  requestAnimationFrame(() => (runOf(section).later ? ready(section) : (document.documentElement.dataset.ready = section.id)));
}

function writeAddress({ place, model }) {
  const parts = [place > 1 ? `run=${place}` : "", model.address].filter(Boolean).join("&");
  history.replaceState(null, "", parts ? `#${parts}` : location.pathname + location.search);
}

// `#run=2&trial=3` opens a network of the second run, `#run-2-best` a part of it, `#figure=edf` leaves one figure alone.
function readAddress() {
  const text = location.hash.slice(1);
  const part = text && !text.includes("=") && document.getElementById(text);
  const given = new URLSearchParams(text);
  const named = sections[Number(given.get("run") ?? 1) - 1];
  const section = (part && part.closest("section.run")) || named || sections[0];
  show(section);
  if (part) part.scrollIntoView();
  else runOf(section).read(text);
  if (given.has("figure")) document.documentElement.dataset.figure = alone(runOf(section), given.get("figure"));
}

function step(event, tabs) {
  const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!move) return;
  const next = tabs[(tabs.indexOf(event.target) + move + tabs.length) % tabs.length];
  next.focus();
  next.click();
}

const tabs = [...document.querySelectorAll("[role=tab]")];
for (const tab of tabs) {
  tab.addEventListener("click", () => {
    show(document.getElementById(tab.getAttribute("aria-controls")));
    writeAddress(runOf(shown()));
  });
  tab.addEventListener("keydown", (event) => step(event, tabs));
}

const redraw = (all) => sections.length && runOf(shown()).redraw(all);

// Paper is light and narrow; all figures are drawn for it before it is laid out.
function print(printing) {
  document.documentElement.classList.toggle("printing", printing);
  redraw(printing);
}

// The button turns light into dark and back, whatever the system prefers.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const scheme = () => document.documentElement.dataset.scheme ?? (dark.matches ? "dark" : "light");
const schemeButton = document.querySelector(".scheme");

function showScheme(name) {
  if (name) document.documentElement.dataset.scheme = name;
  schemeButton.setAttribute("aria-pressed", String(scheme() === "dark"));
  schemeButton.textContent = scheme() === "dark" ? "light" : "dark";
  schemeButton.setAttribute("aria-label", `Show the page in ${schemeButton.textContent} colours`);
}

schemeButton.addEventListener("click", () => {
  showScheme(scheme() === "dark" ? "light" : "dark");
  redraw();
});
showScheme();
dark.addEventListener("change", () => {
  showScheme();
  redraw();
});
window.addEventListener("beforeprint", () => print(true));
window.addEventListener("afterprint", () => print(false));
window.addEventListener("hashchange", readAddress);
let resizing;
window.addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(redraw, 150); });

// What scrolls can be reached by keyboard, under the name of its part.
for (const box of document.querySelectorAll(".scroll:not([tabindex]), .content")) {
  const name = box.closest(".card, dialog, section")?.querySelector("h2, h1")?.textContent ?? "table";
  for (const [key, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", name]]) box.setAttribute(key, value);
}

if (sections.length) readAddress();
else document.documentElement.dataset.ready = "none";
