// Brings the page to life: reads each run's data, draws the run that is shown, joins clicks to the details.

const details = new Details(document.getElementById("details"));
const sections = [...document.querySelectorAll("section.run")];
const figureBoxes = (section) => [...section.querySelectorAll("[data-figure]")];

class Run {
  constructor(section) {
    this.section = section;
    this.report = JSON.parse(document.getElementById(section.dataset.data).textContent);
    this.open = (place) => details.open(this.report, place);
    new TrialTable(this.report, section.querySelector(".trials"), this.open);
    for (const menu of section.querySelectorAll("select")) {
      menu.addEventListener("change", () => draw(this.report, menu.closest(".card").querySelector(".figure"), this.open));
    }
    for (const mark of section.querySelectorAll("[data-place]")) this.listen(mark);
  }

  listen(mark) {
    const place = Number(mark.dataset.place);
    const curves = () => figureBoxes(this.section).filter((box) => box.dataset.figure.startsWith("curve"));
    mark.addEventListener("click", () => this.open(place));
    for (const event of ["mouseenter", "focusin"]) mark.addEventListener(event, () => emphasise(curves(), place));
    for (const event of ["mouseleave", "focusout"]) mark.addEventListener(event, () => emphasise(curves(), null));
  }

  draw() {
    return Promise.all(figureBoxes(this.section).map((box) => draw(this.report, box, this.open)));
  }
}

const runs = new Map();
const runOf = (section) => runs.get(section) ?? runs.set(section, new Run(section)).get(section);
const shown = () => sections.find((section) => !section.hidden);

// Only the shown run holds drawings: a browser has few WebGL contexts.
async function show(section) {
  for (const other of sections) {
    other.hidden = other !== section;
    if (other !== section) figureBoxes(other).filter((box) => box.data).forEach((box) => forget(box));
  }
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.getAttribute("aria-controls") === section.id;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  await runOf(section).draw();
  document.documentElement.dataset.ready = section.id;
}

function forget(box) {
  Plotly.purge(box);
  delete box.dataset.listens; // purging has removed its listener
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
  tab.addEventListener("click", () => show(document.getElementById(tab.getAttribute("aria-controls"))));
  tab.addEventListener("keydown", (event) => step(event, tabs));
}

const redraw = () => sections.length && runOf(shown()).draw();

// Paper is light and narrow; figures are drawn for it before it is laid out.
function print(printing) {
  document.documentElement.classList.toggle("printing", printing);
  redraw();
  for (const box of sections.length ? figureBoxes(shown()) : []) Plotly.Plots.resize(box);
}

window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
window.addEventListener("beforeprint", () => print(true));
window.addEventListener("afterprint", () => print(false));

if (sections.length) show(sections[0]);
