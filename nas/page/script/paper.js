// One figure alone, as a paper has it: on white, without buttons, with a key of the spaces; as SVG its text stays text.

const ENTRY = { row: 18, mark: 34, gap: 18, left: 64 }; // pixels of a row, of a mark, between two entries and left of all

// Names of the figures that are drawn, of all that a run's page has once all were asked to.
const figureNames = (run) => run.views.filter(({ box }) => box.querySelector("div.plot:not([hidden])")).map(({ box }) => box.dataset.view);

// Leaves one figure on the page, as wide as the window, before anything is drawn; false where the run has none of that name.
function alone(run, name) {
  const found = run.views.find(({ box }) => box.dataset.view === name);
  if (!found) return false;
  run.watch.disconnect();
  for (const each of run.views) each.near = each === found;
  document.documentElement.classList.add("paper");
  document.documentElement.dataset.scheme = "light";
  document.body.replaceChildren(found.box);
  run.redraw();
  if (run.model.spaces.length > 1) found.box.append(spacesKey(run.model.spaces, found.box));
  return figureNames(run).includes(name);
}

// Marks and names of the spaces, in as many rows as they need.
function spacesKey(spaces, box) {
  const width = box.clientWidth;
  const made = svg("svg", { class: "key", width });
  box.append(made); // texts have a length only on the page
  const left = width > 400 ? ENTRY.left : 4;
  let [x, y] = [left, 0];
  for (const space of spaces) {
    const label = made.appendChild(svg("text", { "font-size": 12, "font-family": getComputedStyle(document.body).fontFamily }, space.name));
    const length = ENTRY.mark + label.getComputedTextLength();
    if (x > left && x + length > width) [x, y] = [left, y + ENTRY.row];
    const mark = swatch(space, true);
    for (const [key, value] of Object.entries({ x, y: y + 3, width: 28, height: 12 })) mark.setAttribute(key, value);
    made.append(mark);
    label.setAttribute("x", x + ENTRY.mark);
    label.setAttribute("y", y + 13);
    x += length + ENTRY.gap;
  }
  made.setAttribute("height", y + ENTRY.row);
  return made;
}

// What is drawn in a box as one SVG; plotly makes its own parts. `nas figure` calls it from outside.
async function svgOf(box) {
  const frame = box.getBoundingClientRect();
  const made = svg("svg", { width: frame.width, height: frame.height, viewBox: `0 0 ${frame.width} ${frame.height}` });
  made.append(svg("rect", { width: "100%", height: "100%", fill: "#fff" }));
  for (const part of box.querySelectorAll("div.plot:not([hidden]), svg.key")) {
    const { x, y, width, height } = part.getBoundingClientRect();
    const drawn = part.classList.contains("key") ? part.cloneNode(true) : await plotlySvg(part, width, height);
    drawn.setAttribute("x", x - frame.x);
    drawn.setAttribute("y", y - frame.y);
    made.append(drawn);
  }
  return new XMLSerializer().serializeToString(made);
}

async function plotlySvg(plot, width, height) {
  const text = await Plotly.toImage(plot.figure.whole, { format: "svg", imageDataOnly: true, width: Math.round(width), height: Math.round(height) });
  return document.adoptNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement);
}
