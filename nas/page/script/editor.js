// The filter of one column, written instead of dragged: two ends, or a box for each text, and one for what isn't there.

const absentWord = (column) => (column.name === ERROR ? "failed" : column.role === "dimension" ? "doesn't exist" : "none");
const unitOf = (column) => ({ percent: " (%)", points: " (points)" }[column.kind] ?? "");
const factorOf = (column) => (unitOf(column) ? 100 : 1); // of what is written, by which a share of 1 is multiplied

class Editor {
  constructor(model, scale) {
    Object.assign(this, { model, scale, column: scale.column, factor: factorOf(scale.column) });
    this.entries = this.column.numeric ? [] : scale.order.map((code) => this.entry(this.column.levels[code]));
    this.ends = this.column.numeric ? ["from", "to"].map((end, i) => this.end(end, [scale.low, scale.high][i])) : [];
    this.none = this.entry(null);
    this.box = element("fieldset", { class: "editor" }, element("legend", {}, element("bdi", {}, `${this.column.title}${unitOf(this.column)}`)));
    const [low, high] = this.ends;
    if (low) this.box.append(element("span", { class: "ends" }, low, "–", high));
    this.box.append(...this.entries.map(({ label }) => label), ...(scale.absent ? [this.none.label] : []));
  }

  end(name, value) {
    const input = element("input", { type: "text", inputmode: "decimal", "aria-label": `${this.column.title}${unitOf(this.column)} ${name}`, placeholder: this.write(value) });
    input.addEventListener("change", () => this.takeEnds());
    return input;
  }

  entry(level) {
    const input = element("input", { type: "checkbox" });
    input.addEventListener("change", () => (this.column.numeric ? this.takeEnds() : this.takeTexts()));
    const words = level === null ? absentWord(this.column) : written(this.column, level);
    return { level, input, label: element("label", {}, input, element("bdi", { title: words }, words)) };
  }

  write(value) {
    return Number.isFinite(value) ? String(Number((this.factor * value).toPrecision(5))) : "";
  }

  takeEnds() {
    const read = (text) => numberIn(this.factor === 1 || text.includes("%") ? text : `${text}%`);
    const [low, high] = this.ends.map((input, i) => read(input.value.trim()) ?? [-Infinity, Infinity][i]);
    const missing = this.scale.absent && this.none.input.checked;
    const open = low === -Infinity && high === Infinity && missing === this.scale.absent;
    this.model.set(this.column.name, open ? null : range(low, high, missing));
  }

  takeTexts() {
    const all = [...this.entries, ...(this.scale.absent ? [this.none] : [])];
    const kept = all.filter(({ input }) => input.checked).map(({ level }) => level);
    this.model.set(this.column.name, kept.length === all.length ? null : new Set(kept));
  }

  draw() {
    const filter = this.model.filters.get(this.column.name);
    this.ends.forEach((input, i) => {
      if (document.activeElement !== input) input.value = filter ? this.write([filter.low, filter.high][i]) : "";
    });
    for (const { level, input } of this.entries) input.checked = !filter || filter.has(level);
    this.none.input.checked = !filter || (filter instanceof Set ? filter.has(null) : filter.missing);
  }
}
