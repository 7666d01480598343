// A drawing by plotly with what every one has: the page's colours, marks of its own, a name, its numbers as a table.

const MOST_DRAWN = 500; // points of a cloud
const GREY = "#858585"; // what belongs to no space
const CONFIG = { displaylogo: false, showSendToCloud: false, displayModeBar: false };
const pageColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const DASHES = { solid: "", dash: "7 4", dot: "2 3", dashdot: "7 3 2 3" };
const SHAPES = {
  circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", square: "M-3.6-3.6h7.2v7.2h-7.2z", diamond: "M0-4.8 4.8 0 0 4.8-4.8 0z",
  "triangle-up": "M0-4.6 4.4 3.4h-8.8z", "triangle-down": "M0 4.6 4.4-3.4h-8.8z", pentagon: "M0-4.6 4.4-1.4 2.7 3.7h-5.4L-4.4-1.4z",
  hexagon: "M-2.3-4h4.6L4.6 0 2.3 4h-4.6L-4.6 0z", star: "M0-5 1.5-1.6 5-1.5 2.2.9 3.2 4.6 0 2.5-3.2 4.6-2.2.9-5-1.5-1.5-1.6z",
};

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A space's colour, marker and, on request, dash as a small picture.
function swatch(space, dash = false) {
  const { colour, symbol } = space;
  const open = symbol.endsWith("-open");
  const mark = svg("path", { d: SHAPES[symbol.replace("-open", "")], fill: open ? "none" : colour, stroke: colour });
  const made = svg("svg", { class: dash ? "swatch wide" : "swatch", viewBox: dash ? "-16 -6 32 12" : "-6 -6 12 12", "aria-hidden": "true" });
  if (dash) made.append(svg("path", { d: "M-16 0H16", stroke: colour, "stroke-width": 2, "stroke-dasharray": DASHES[space.dash] }));
  made.append(mark);
  return made;
}

// A text that plotly shows as it is, though it reads a little HTML.
const plotlyText = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// A numeric axis: `write` makes its labels, `pixels` is its length; plotly gets places and texts of its marks.
function axis({ title, low, high, log = false, whole = false, unit = 1, pixels, write, upright = false }) {
  const at = log ? Math.log10 : (value) => value;
  const { values, texts } = ticks({ low, high, log, whole, unit, room: pixels, text: write, ...(upright && { across: () => 14 }) });
  return {
    title: { text: title, standoff: 8 }, type: log ? "log" : "linear", range: [at(low), at(high)], tickvals: values, ticktext: texts,
    zeroline: false, showline: true, ticks: "outside", ticklen: 4, fixedrange: false,
    gridcolor: pageColour("--line"), linecolor: pageColour("--soft"), tickcolor: pageColour("--soft"),
  };
}

// Ends with some air, on their own scale.
function padded(low, high, log, below = 0.04, above = below) {
  if (log) {
    const span = Math.max(high / low, 1.05);
    return [low / span ** below, high * span ** above];
  }
  const span = high - low || Math.abs(high) * 0.1 || 1;
  return [low - span * below, high + span * above];
}

class Figure {
  // `onPick(row, event)` is called for a click on a point, `onBrush({x, y})` for a drag, null for a double click. A
  // cloud lies on a canvas over plotly's axes, but on paper.
  constructor(box, { height = 360, onPick, onBrush, direction = "any", hover, cloud = false } = {}) {
    Object.assign(this, { height, onPick, onBrush, direction, hover });
    this.plot = element("div", { class: "plot", role: "img" });
    if (cloud) this.canvas = new Canvas(this.plot);
    this.plot.figure = this;
    this.note = element("p", { class: "note says" });
    this.table = element("details", { class: "numbers" }, element("summary", {}, "numbers"));
    this.table.addEventListener("toggle", () => this.fill());
    this.save = element("button", { type: "button", class: "link" }, "SVG");
    this.save.addEventListener("click", () => Plotly.downloadImage(this.whole, { format: "svg", filename: "figure", width: this.width, height: this.plot.clientHeight }));
    box.replaceChildren(this.plot, this.note, element("div", { class: "under" }, this.table, this.save));
  }

  get width() {
    return this.plot.clientWidth || 600;
  }

  // Length of the axes in pixels, about, for the choice of their marks.
  get room() {
    return { x: this.width - 84, y: this.height - 66 };
  }

  // `numbers()` returns the head and the rows of the figure's table, and is asked when that is opened.
  draw({ height = this.height, traces, x, y, shapes = [], annotations = [], note = "", name, numbers, margin = {}, none = false }) {
    this.plot.hidden = none;
    this.note.textContent = note;
    this.table.hidden = none || !numbers;
    this.save.hidden = none;
    if (none) return;
    const { classList } = document.documentElement;
    const layout = {
      width: this.width, height, margin: { l: 64, r: 20, t: 10, b: 56, ...margin }, showlegend: false, hovermode: "closest", dragmode: this.onBrush ? "select" : false,
      selectdirection: this.direction, selections: [], template: "none", paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: pageColour("--ink") },
      newselection: { line: { color: pageColour("--accent"), width: 1.5 } },
      xaxis: x, yaxis: y, shapes, annotations,
    };
    const quiet = traces.map((trace) => ({ hoverinfo: trace.customdata ? "none" : "skip", ...trace }));
    this.whole = { data: quiet, layout };
    if (this.canvas && !classList.contains("printing") && !classList.contains("paper")) this.paint(layout);
    else {
      this.canvas?.sheet.remove();
      this.axes = undefined;
      Plotly.react(this.plot, quiet, layout, CONFIG);
    }
    if (!this.listens) this.listen();
    this.plot.setAttribute("aria-label", name);
    this.save.setAttribute("aria-label", `Save as SVG: ${name}`);
    this.numbers = numbers;
    this.fill();
  }

  // Plotly draws what is left without traces and shapes, where that isn't there already; the canvas these. Axes that can
  // be dragged would part the two.
  paint({ shapes, ...layout }) {
    const still = (axis_) => ({ ...axis_, fixedrange: true });
    const fixed = { ...layout, xaxis: still(layout.xaxis), yaxis: still(layout.yaxis) };
    const axes = JSON.stringify(fixed);
    if (axes !== this.axes) Plotly.react(this.plot, [], fixed, CONFIG);
    this.axes = axes;
    const { l, r, t, b } = layout.margin;
    this.canvas.draw(this.whole.data, shapes, layout, { left: l, top: t, width: this.width - l - r, height: layout.height - t - b });
    if (this.over) this.point(this.over);
  }

  // The label of what lies below the pointer, which a redraw may have moved; `over` is where that was last.
  point(event) {
    if (!this.canvas.sheet.isConnected) return; // plotly has drawn them
    this.over = event;
    const row = event.buttons ? undefined : this.canvas.nearest(event);
    if (row === undefined) tip.hide();
    else tip.show(event, this.hover(row));
  }

  listen() {
    this.listens = true;
    if (this.canvas) this.listenToPointer();
    const row = (event) => event.points.map((point) => point.customdata).find((value) => typeof value === "number");
    this.plot.on("plotly_click", (event) => row(event) !== undefined && this.onPick?.(row(event), event.event));
    this.plot.on("plotly_hover", (event) => row(event) !== undefined && this.hover && tip.show(event.event, this.hover(row(event), event.points[0])));
    this.plot.on("plotly_unhover", () => tip.hide());
    const brush = (found) => {
      this.axes = undefined; // plotly keeps what was dragged until it draws again
      this.onBrush?.(found);
    };
    this.plot.on("plotly_selected", (event) => event?.range && brush(event.range));
    this.plot.on("plotly_deselect", () => brush(null));
  }

  // What plotly says of its own points, of those on the canvas.
  listenToPointer() {
    let pressed;
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    this.plot.addEventListener("pointerleave", () => {
      this.over = undefined;
      tip.hide();
    });
    this.plot.addEventListener("pointerdown", (event) => { pressed = event; }, true);
    window.addEventListener("pointercancel", () => { pressed = undefined; });
    window.addEventListener("pointerup", (event) => {
      const row = pressed && Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) < 4 ? this.canvas.nearest(event) : undefined;
      pressed = undefined;
      if (row !== undefined) this.onPick?.(row, event);
    });
  }

  fill() {
    if (!this.table.open || !this.numbers) return;
    const [head, rows] = this.numbers();
    this.table.replaceChildren(this.table.firstElementChild, smallTable(head, rows));
  }
}

// A small table of texts; from the column `numbers` on, cells are aligned to the right.
function smallTable(names, rows, numbers = 1) {
  const kind = (index) => ({ class: index >= numbers ? "number" : "" });
  const head = element("tr", {}, ...names.map((name, index) => element("th", { scope: "col", ...kind(index) }, name)));
  const body = rows.map((row) => element("tr", {}, ...row.map((text, index) => element("td", kind(index), text))));
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": names.join(", ") }, table);
}

// What is known of a network in a few lines; the first is its headline.
function networkLines(model, row) {
  const { columns, data } = model;
  const text = (name) => columns.get(name)?.text(row) ?? NOTHING;
  const known = (name, unit) => (columns.get(name) && columns.get(name).at(row) !== null ? [`${text(name)} ${unit}`] : []);
  const failed = columns.get(ERROR).at(row) === null;
  const attributes = data.hover.map((name) => columns.get(name)).filter((column) => column.at(row) !== null);
  return [
    `trial ${text("trial")} · ${failed ? text("outcome") : `${text(ERROR)} error`}`,
    text(SPACE),
    ...attributes.map((column) => `${column.title}: ${column.text(row)}`),
    [...known("parameters", "parameters"), ...known("multiply_adds", "multiply-adds")].join(", "),
    [...known("seconds", "of training"), failed ? "no error" : text("outcome")].join(", "),
  ].filter(Boolean);
}

// The one label that follows the pointer.
const tip = {
  show(event, lines) {
    this.box ??= document.body.appendChild(element("div", { class: "tip" }));
    this.box.replaceChildren(...lines.map((line, i) => element(i ? "div" : "strong", {}, line)));
    this.box.hidden = false;
    const { clientX: x, clientY: y } = event;
    this.box.style.left = `${Math.max(4, Math.min(x + 14, window.innerWidth - this.box.offsetWidth - 8))}px`;
    this.box.style.top = `${Math.max(4, y + 16 + this.box.offsetHeight > window.innerHeight ? y - this.box.offsetHeight - 12 : y + 16)}px`;
  },
  hide() {
    if (this.box) this.box.hidden = true;
  },
};

const LABEL_HEIGHT = 13;

// Numbers of trials at the right ends of their curves, kept apart; `place` is that of the value in an epoch.
function curveNames(model, rows, place, { low, high, log, room }) {
  const at = log ? Math.log10 : (value) => value;
  const end = (row) => model.data.curves[row].findLast((epoch) => epoch[place] !== null);
  const level = (row) => at(end(row)[place]);
  const ordered = rows.filter(end).sort((a, b) => level(b) - level(a));
  const heights = ordered.map((row) => (room * (at(high) - level(row))) / (at(high) - at(low)));
  const placed = apart(heights, LABEL_HEIGHT, 0, room - 6);
  return ordered.map((row, i) => ({
    x: end(row)[0], y: level(row), text: plotlyText(model.column("trial").text(row)), showarrow: false, xanchor: "left", xshift: 4,
    yshift: heights[i] - placed[i], font: { size: 11 },
  }));
}
