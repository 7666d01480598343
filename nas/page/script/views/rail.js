// Histograms of what can be selected by: each with two inputs, or a box for each text; the whole run pale behind.

const BINS = 24;
const MOST_LEVELS = 8;
const FIRST_SHOWN = 12;
const MORE = 30;
const [WIDE, HIGH] = [200, 48];

VIEWS.rail = class {
  constructor(box, model) {
    const names = model.data.shown.filter((name) => name !== SPACE && name !== "trial" && offered(model.column(name)));
    const more = element("button", { type: "button", class: "quiet" });
    this.grid = element("div", { class: "rail" });
    this.parts = [];
    const add = (most) => {
      const some = names.splice(0, most).map((name) => model.column(name));
      const made = some.map((column) => (column.numeric ? new Histogram(model, column) : new Levels(model, column)));
      this.parts.push(...made);
      this.grid.append(...made.map((part) => part.box));
      more.textContent = names.length > MORE ? `${MORE} more of ${grouped(names.length)} columns` : `${plural(names.length, "more column")}`;
      more.hidden = !names.length;
    };
    add(FIRST_SHOWN);
    more.addEventListener("click", () => {
      add(MORE);
      this.draw(model);
    });
    box.append(this.grid, more);
    this.hears = ["selection"];
  }

  draw(model) {
    for (const part of this.parts) part.draw(model);
  }
};

// Numbers that differ, and texts of which there are few.
const offered = (column) => varies(column) && (column.numeric || column.levels.length <= MOST_LEVELS);

class Histogram {
  constructor(model, column) {
    Object.assign(this, { model, column, factor: factorOf(column) });
    this.ends = robust(column.values);
    this.ends.low === this.ends.high && (this.ends.high += 1);
    this.bins = Int8Array.from(column.values, (value) => this.bin(value));
    this.missing = this.bins.some((bin) => bin < 0 && bin !== -2);
    this.picture = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    const unit = unitOf(column);
    this.inputs = ["from", "to"].map((end, i) => {
      const input = element("input", { type: "text", inputmode: "decimal", "aria-label": `${column.title}${unit} ${end}`, placeholder: this.hint([this.ends.low, this.ends.high][i]) });
      input.addEventListener("change", () => this.take());
      return input;
    });
    this.none = element("input", { type: "checkbox" });
    this.none.addEventListener("change", () => this.take());
    const absent = this.missing ? [element("label", { class: "absent" }, this.none, column.role === "dimension" ? "or doesn't exist" : "or none")] : [];
    this.box = element("fieldset", {}, element("legend", {}, `${column.title}${unit}`), this.picture, element("div", { class: "ends" }, this.inputs[0], "–", this.inputs[1]), ...absent);
    this.listen();
  }

  // The bin of a value; -1 where there is none, -2 outside of the drawn range.
  bin(value) {
    const { low, high, log } = this.ends;
    if (Number.isNaN(value)) return -1;
    if (value < low || value > high) return -2;
    const at = log ? Math.log : (x) => x;
    return Math.min(BINS - 1, Math.floor((BINS * (at(value) - at(low))) / (at(high) - at(low))));
  }

  value(share) {
    const { low, high, log } = this.ends;
    return log ? low * (high / low) ** share : low + share * (high - low);
  }

  share(value) {
    const { low, high, log } = this.ends;
    const at = log ? Math.log : (x) => x;
    return Math.min(1, Math.max(0, (at(log ? Math.max(value, low) : value) - at(low)) / (at(high) - at(low))));
  }

  write(value) {
    return Number.isFinite(value) ? String(Number((this.factor * value).toPrecision(5))) : "";
  }

  hint(value) {
    return this.column.kind === "count" ? count(value) : this.write(value);
  }

  take() {
    const read = (text) => (this.factor === 1 || text.includes("%") ? numberIn(text) : numberIn(`${text}%`));
    const [low, high] = this.inputs.map((input, i) => read(input.value.trim()) ?? [-Infinity, Infinity][i]);
    const open = low === -Infinity && high === Infinity;
    this.model.set(this.column.name, open ? null : range(low, high, this.missing && this.none.checked));
  }

  // Dragging selects a range, whose ends belong to it; to the edge it keeps what lies beyond.
  listen() {
    const at = (event) => Math.min(1, Math.max(0, (event.clientX - this.picture.getBoundingClientRect().left) / this.picture.getBoundingClientRect().width));
    this.picture.addEventListener("pointerdown", (event) => {
      this.start = at(event);
      this.picture.setPointerCapture(event.pointerId);
    });
    this.picture.addEventListener("pointermove", (event) => this.start !== undefined && this.brush(this.start, at(event)));
    this.picture.addEventListener("pointerup", (event) => {
      if (Math.abs(at(event) - this.start) < 0.02) this.model.clear(this.column.name);
      this.start = undefined;
    });
  }

  brush(a, b) {
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    if (high - low < 0.02) return;
    const rounded = draggedRange([this.value(low), this.value(high)]);
    this.model.set(this.column.name, range(low < 0.01 ? -Infinity : rounded.low, high > 0.99 ? Infinity : rounded.high, this.missing && this.none.checked));
  }

  draw(model) {
    const [whole, own] = [new Float64Array(BINS), new Float64Array(BINS)];
    for (const bin of this.bins) if (bin >= 0) whole[bin]++;
    for (const row of model.selected(this.column.name)) if (this.bins[row] >= 0) own[this.bins[row]]++;
    const most = Math.max(...whole, 1);
    const path = (counts) => Array.from(counts, (count_, i) => (count_ ? `M${(i * WIDE) / BINS} ${HIGH}v${-Math.max(1.5, (count_ * HIGH) / most)}h${WIDE / BINS - 1}V${HIGH}z` : "")).join("");
    const filter = model.filters.get(this.column.name);
    const [from, to] = filter ? [this.share(filter.low), this.share(filter.high)] : [0, 1];
    const brush = filter ? [svg("rect", { class: "brush", x: from * WIDE, width: Math.max(1, (to - from) * WIDE), y: 0, height: HIGH })] : [];
    this.picture.replaceChildren(svg("path", { class: "whole", d: path(whole) }), svg("path", { class: "own", d: path(own) }), ...brush);
    this.inputs.forEach((input, i) => {
      if (document.activeElement !== input) input.value = filter ? this.write([filter.low, filter.high][i]) : "";
    });
    if (filter) this.none.checked = filter.missing;
    this.box.classList.toggle("filtered", Boolean(filter));
  }
}

// A few texts, each with a box and a bar; rows without one count as a text of their own.
class Levels {
  constructor(model, column) {
    Object.assign(this, { model, column });
    const none = column.codes.some((code) => code < 0) ? [null] : [];
    const order = [...column.levels].sort(collator.compare);
    this.entries = [...order, ...none].map((level) => {
      const input = element("input", { type: "checkbox" });
      input.addEventListener("change", () => this.take());
      const [bar, number] = [element("span", { class: "bar-own" }), element("span", { class: "number" })];
      const label = level === null ? "none" : written(column, level);
      return { level, input, bar, number, label: element("label", {}, input, element("bdi", { title: label }, label), element("span", { class: "bar-whole" }, bar), number) };
    });
    this.box = element("fieldset", { class: "levels" }, element("legend", {}, column.title), ...this.entries.map((entry) => entry.label));
  }

  take() {
    const kept = this.entries.filter(({ input }) => input.checked).map(({ level }) => level);
    this.model.set(this.column.name, kept.length === this.entries.length ? null : new Set(kept));
  }

  draw(model) {
    const counts = new Map();
    for (const row of model.selected(this.column.name)) counts.set(this.column.at(row), (counts.get(this.column.at(row)) ?? 0) + 1);
    const filter = model.filters.get(this.column.name);
    for (const { level, input, bar, number } of this.entries) {
      input.checked = !filter || filter.has(level);
      bar.style.width = `${(100 * (counts.get(level) ?? 0)) / Math.max(1, model.rows)}%`;
      number.textContent = grouped(counts.get(level) ?? 0);
    }
    this.box.classList.toggle("filtered", Boolean(filter));
  }
}
