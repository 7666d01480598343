// Parallel coordinates: a line a network on a canvas, an axis a column over it; dragging along axes selects.

const MOST_LINES = 1500; // of the selection
const MOST_PALE = 500; // of all others, behind it
const [HEAD, ROOM, LENGTH, FOOT] = [42, 36, 230, 44]; // pixels: names; failures; an axis; what doesn't exist
const HEIGHT = HEAD + ROOM + LENGTH + FOOT;
const NARROWEST = 92; // pixels from axis to axis
const MARGIN = 24; // pixels for the labels of the last axis, where axes are closer
const NEAR = 7; // pixels within which the pointer finds a line
const CLICK = 4; // pixels below which a drag is a click

const heightOf = (share) => HEAD + ROOM + (1 - share) * LENGTH;

VIEWS.parallel = class {
  constructor(box, model) {
    Object.assign(this, { model, axes: [], hears: ["selection", "chosen", "axes", "colour"] });
    this.take();
    this.offered = axesOf(model);
    this.canvas = element("canvas", { role: "img" });
    this.over = svg("svg", { class: "over", "aria-hidden": "true" });
    this.lines = element("div", { class: "lines" }, this.canvas, this.over);
    this.scroll = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Parallel coordinates" }, this.lines);
    this.edit = element("div", { class: "tools edit" });
    this.note = element("p", { class: "note says" });
    this.table = element("details", { class: "numbers" }, element("summary", {}, "numbers"));
    this.table.addEventListener("toggle", () => this.fill());
    box.append(this.tools(), this.scroll, this.edit, this.note, this.table);
    this.listen();
  }

  tools() {
    const boxes = this.offered.map((column) => this.choice(column));
    const notes = [axesLeftOut(this.model)].filter(Boolean).map((text) => element("p", { class: "note" }, text));
    const choices = element("details", { class: "chooser" }, element("summary", {}, "axes"), element("div", { class: "choices" }, ...notes, ...boxes));
    return element("div", { class: "tools" }, choices);
  }

  choice(column) {
    const input = element("input", { type: "checkbox", "data-column": column.name });
    input.checked = this.axes.some((axis) => axis.column === column);
    this.choices = [...(this.choices ?? []), [column, input]];
    input.addEventListener("change", () => (input.checked ? this.add(column) : this.remove(column)));
    return element("label", { title: column.note }, input, element("bdi", {}, column.title));
  }

  // Takes over the model's axes, such as those of an address; a column that has none is passed over.
  take() {
    const names = this.model.axes ?? firstAxes(this.model).map(({ name }) => name);
    const columns = names.map((name) => this.model.column(name)).filter((column) => hasAxis(column) || column.name === ERROR);
    this.axes = columns.map((column) => this.axes.find((axis) => axis.column === column) ?? new Axis(this, column));
    if (!this.axes.includes(this.active)) this.activate(undefined);
    for (const [column, input] of this.choices ?? []) input.checked = columns.includes(column);
  }

  // A new axis stands before the error, if that is the last one.
  add(column) {
    const place = this.axes.at(-1)?.column.name === ERROR ? this.axes.length - 1 : this.axes.length;
    this.arrangeAxes(this.axes.map((axis) => axis.column).toSpliced(place, 0, column));
  }

  remove(column) {
    this.arrangeAxes(this.axes.map((axis) => axis.column).filter((other) => other !== column));
  }

  move(axis, place) {
    const others = this.axes.filter((other) => other !== axis).map((other) => other.column);
    this.arrangeAxes(others.toSpliced(Math.min(others.length, Math.max(0, place)), 0, axis.column));
  }

  arrangeAxes(columns) {
    this.model.arrange(columns.map(({ name }) => name));
  }

  // Below the figure: the range of one axis as inputs, its scale and its place as buttons.
  activate(axis) {
    if (axis === this.active) return;
    this.active = axis;
    this.editor = axis && new Editor(this.model, axis.scale);
    const button = (text, words, act, pressed) => {
      const made = element("button", { type: "button", class: "quiet", "aria-label": `${words}: ${axis.column.title}` }, text);
      if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
      made.addEventListener("click", () => {
        act();
        if (pressed !== undefined) made.setAttribute("aria-pressed", String(axis.scale.log));
      });
      return made;
    };
    this.edit.replaceChildren(...(axis ? [
      this.editor.box,
      ...(axis.scale.maybeLog ? [button("log", "logarithmic", () => axis.turnScale(), axis.scale.log)] : []),
      button("←", "to the left", () => this.move(axis, this.axes.indexOf(axis) - 1)),
      button("→", "to the right", () => this.move(axis, this.axes.indexOf(axis) + 1)),
      button("whole axis", "end its selection", () => this.model.clear(axis.column.name)),
    ] : []));
    this.draw(this.model);
  }

  listen() {
    this.lines.addEventListener("pointermove", (event) => this.point(event));
    this.lines.addEventListener("pointerleave", () => this.point(null));
    this.lines.addEventListener("click", (event) => {
      const row = event.target === this.canvas ? this.nearest(event) : undefined;
      if (row !== undefined) this.model.choose(row, { beside: event.shiftKey });
    });
  }

  point(event) {
    const row = event?.target === this.canvas ? this.nearest(event) : undefined;
    if (row === undefined) tip.hide();
    else tip.show(event, networkLines(this.model, row));
    if (row !== this.under) this.bringOut(row);
  }

  // The drawn row whose line passes the pointer most closely.
  nearest(event) {
    const ground = this.canvas.getBoundingClientRect();
    const along = (event.clientX - ground.left) / this.step - 0.5;
    const left = Math.floor(along);
    if (left < 0 || left + 1 >= this.axes.length) return undefined;
    const [one, other] = [this.axes[left].shares, this.axes[left + 1].shares];
    const away = (row) => Math.abs(heightOf(one[row] + (along - left) * (other[row] - one[row])) - (event.clientY - ground.top));
    const found = this.drawn.reduce((best, row) => (away(row) < best.away ? { row, away: away(row) } : best), { away: NEAR });
    return found.row;
  }

  draw(model) {
    this.take();
    const paper = document.documentElement.classList.contains("printing");
    const room = this.scroll.clientWidth - (paper ? MARGIN : 0);
    this.step = Math.max(paper ? 0 : NARROWEST, room / Math.max(1, this.axes.length));
    const width = this.step * this.axes.length;
    this.lines.style.width = `${width}px`;
    this.lines.style.height = `${HEIGHT}px`;
    this.over.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.arrange();
    this.axes.forEach((axis, place) => axis.draw(model, place, this.step, this.axes.length));
    this.paint(model, width);
    this.bringOut(this.under);
    this.editor?.draw();
    this.say(model);
    this.fill();
  }

  // The axes' elements in their order, so that the keyboard goes from left to right.
  arrange() {
    const wanted = this.axes.map(({ box }) => box);
    const there = [...this.lines.querySelectorAll(".axis")];
    if (there.length === wanted.length && there.every((box, i) => box === wanted[i])) return;
    const focused = document.activeElement;
    for (const box of there) box.remove();
    this.lines.append(...wanted);
    if (wanted.some((box) => box.contains(focused))) focused.focus();
  }

  paint(model, width) {
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(HEIGHT * ratio) });
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const all = [...model.mask.keys()];
    this.selected = all.filter((row) => model.mask[row]);
    this.drawn = sampled(this.selected, model.errors, MOST_LINES, model.chosen.filter((row) => model.mask[row]));
    const others = model.selecting ? sampled(all.filter((row) => !model.mask[row]), model.errors, MOST_PALE) : [];
    this.strokes(pen, others, () => GREY, 0.13);
    this.strokes(pen, this.drawn, colouring(model).of, Math.min(0.8, Math.max(0.22, 7 / Math.sqrt(this.drawn.length))));
  }

  // One pixel wide: without a graphics card wider lines take a browser five times as long.
  strokes(pen, rows, colour, opacity) {
    Object.assign(pen, { globalAlpha: opacity, lineWidth: 1 });
    for (const row of rows) {
      pen.strokeStyle = colour(row);
      pen.beginPath();
      this.axes.forEach(({ shares }, i) => pen.lineTo((i + 0.5) * this.step, heightOf(shares[row])));
      pen.stroke();
    }
  }

  // The line under the pointer and those of the chosen networks, over all others.
  bringOut(row) {
    this.under = row;
    const path = (own) => this.axes.map(({ shares }, i) => `${(i + 0.5) * this.step} ${heightOf(shares[own])}`).join("L");
    const rows = [...this.model.chosen, ...(row === undefined ? [] : [row])];
    this.over.replaceChildren(...rows.map((own) => svg("path", { d: `M${path(own)}` })));
  }

  say(model) {
    const [found, all] = [this.selected.length, model.rows].map(grouped);
    const outside_ = this.axes.filter(({ scale }) => scale.below + scale.above).map(({ scale, column }) => `${column.title} (${grouped(scale.below + scale.above)})`);
    this.canvas.setAttribute("aria-label", `Parallel coordinates of ${found} of ${all} ${model.data.unit}s over ${this.axes.map(({ column }) => column.title).join(", ")}`);
    this.note.textContent = [
      model.selecting && `${found} of ${all} ${model.data.unit}s are selected, the others pale.`,
      this.drawn.length < this.selected.length && `${grouped(this.drawn.length)} of ${found} lines are drawn: the best, and an even sample of the rest.`,
      outside_.length && `Far values are drawn at the ends of ${outside_.join(", ")}.`,
    ].filter(Boolean).join(" ");
  }

  fill() {
    if (!this.table.open) return;
    const rows = this.axes.map(({ column }) => [column.title, ...summary(column, this.selected)]);
    this.table.replaceChildren(this.table.firstElementChild, smallTable(["axis", `${this.model.data.unit}s with a value`, "without", "lowest", "median", "highest"], rows));
  }
};

function summary(column, rows) {
  const known = rows.filter((row) => column.at(row) !== null);
  const counts = [grouped(known.length), grouped(rows.length - known.length)];
  if (!column.numeric || !known.length) return [...counts, NOTHING, NOTHING, NOTHING];
  const sorted = Float64Array.from(known, (row) => column.values[row]).sort();
  return [...counts, ...[sorted[0], median(sorted), sorted.at(-1)].map((value) => written(column, value))];
}

// One axis over the canvas: its name, which moves it, and its line, which is brushed.
class Axis {
  constructor(view, column) {
    Object.assign(this, { view, column });
    this.name = element("button", { type: "button", class: "name", title: column.note }, element("bdi", {}, column.title));
    this.line = svg("svg", { class: "brushed", "aria-hidden": "true" });
    this.box = element("div", { class: "axis", "data-column": column.name }, this.name, this.line);
    this.rescale();
    this.brushes();
    this.drags();
    this.name.addEventListener("focus", () => view.activate(this));
    this.name.addEventListener("keydown", (event) => this.key(event));
  }

  rescale(log) {
    this.scale = new Scale(this.column, log);
    this.shares = Float64Array.from({ length: this.view.model.rows }, (_, row) => this.scale.share(row));
  }

  turnScale() {
    this.rescale(!this.scale.log);
    this.view.draw(this.view.model);
  }

  key(event) {
    const { view, column } = this;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) view.move(this, view.axes.indexOf(this) + by);
    else if (event.key === "Delete") view.model.clear(column.name);
    else return;
    event.preventDefault();
  }

  // Dragging along the line selects a range; a click ends that.
  brushes() {
    const share = (event) => 1 - (event.clientY - this.line.getBoundingClientRect().top - ROOM) / LENGTH;
    const set = (event) => this.view.model.set(this.column.name, this.scale.filter(this.start, share(event)));
    this.line.addEventListener("pointerdown", (event) => {
      Object.assign(this, { start: share(event), moved: false });
      this.line.setPointerCapture(event.pointerId);
      this.view.activate(this);
    });
    this.line.addEventListener("pointermove", (event) => {
      if (this.start === undefined) return;
      this.moved ||= Math.abs(share(event) - this.start) * LENGTH >= CLICK;
      if (this.moved) set(event);
    });
    this.line.addEventListener("pointerup", () => {
      if (!this.moved) this.view.model.clear(this.column.name);
      this.start = undefined;
    });
  }

  // Dragging the name moves the axis to where it is dropped.
  drags() {
    let from;
    this.name.addEventListener("pointerdown", (event) => {
      from = event.clientX;
      this.name.setPointerCapture(event.pointerId);
    });
    this.name.addEventListener("pointermove", (event) => {
      if (from !== undefined) this.box.style.transform = `translateX(${event.clientX - from}px)`;
    });
    this.name.addEventListener("pointerup", (event) => {
      const places = Math.round((event.clientX - from) / this.view.step);
      from = undefined;
      this.box.style.transform = "";
      if (places) this.view.move(this, this.view.axes.indexOf(this) + places);
    });
  }

  draw(model, place, step, count_) {
    const { scale, column } = this;
    Object.assign(this.box.style, { left: `${place * step}px`, width: `${step}px` });
    this.box.classList.toggle("active", this.view.active === this);
    this.name.setAttribute("aria-label", `${column.title}, axis ${place + 1} of ${count_}${scale.log ? ", logarithmic" : ""}; arrow keys move it, its range is below`);
    const y = (share) => heightOf(share) - HEAD;
    const letters = Math.min(14, Math.floor((step - 12) / 5.8));
    const label = (share, text, down = 4) => svg("text", { x: step / 2 + 8, y: y(share) + down }, text);
    const mark = (share, text) => [svg("path", { class: "tick", d: `M${step / 2} ${y(share)}h5` }), label(share, text)];
    const filter = model.filters.get(column.name);
    const kept = scale.spans(filter).map(([low, high]) => svg("rect", { class: "kept", x: step / 2 - 7, width: 14, y: y(high) - 1, height: Math.max(3, y(low) - y(high) + 2) }));
    const word = absentWord(column);
    const lines = word.length > letters ? word.split(" ") : [word];
    const absent = scale.absent ? [svg("circle", { cx: step / 2, cy: y(scale.none), r: 3.5 }), ...lines.map((text, line) => label(scale.none, shortNames([text], letters)[0], 4 + 11 * (line - (lines.length - 1) / 2)))] : [];
    const marked = scale.marks(LENGTH);
    const texts = shortNames(marked.map(([, text]) => text), letters);
    const marks = marked.flatMap(([share], i) => mark(share, texts[i]));
    this.line.setAttribute("viewBox", `0 0 ${step} ${HEIGHT - HEAD}`);
    this.line.replaceChildren(svg("rect", { class: "grip", x: step / 2 - 14, y: 0, width: 28, height: HEIGHT - HEAD }), svg("path", { class: "spine", d: `M${step / 2} ${y(0)}V${y(1)}` }), ...kept, ...marks, ...absent);
  }
}
