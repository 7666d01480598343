// The table of the selected networks: sorted by its header, one page of rows in the document at a time.

const ROWS_A_PAGE = 50;
const FIRST_SHOWN = 16; // columns until others are chosen
const MOST_OFFERED = 400;
const TURNS = ["first", "previous", "next", "last"];

// Missing values come last in both directions.
function compare(a, b, descending) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
  return descending ? -order : order;
}

VIEWS.table = class {
  constructor(box, model) {
    Object.assign(this, { box, model, page: 0, descending: false });
    const part = (selector) => box.querySelector(selector);
    Object.assign(this, { head: part("thead tr"), body: part("tbody"), search: part("input[type=search]"), fault: part(".fault") });
    this.offered = model.data.shown.map((name) => model.column(name)).slice(0, MOST_OFFERED);
    this.columns = this.offered.filter((column) => FIXED.has(column.name) || varies(column)).slice(0, FIRST_SHOWN);
    this.sorted = this.columns[0];
    this.search.addEventListener("input", () => this.find());
    part("[data-csv]").addEventListener("click", () => saved("selection.csv", csvText([...model.columns.values()], this.order())));
    for (const button of box.querySelectorAll("[data-turn]")) button.addEventListener("click", () => this.turn(button.dataset.turn));
    this.chooser(part(".chooser"));
    this.heading();
  }

  chooser(box) {
    const boxes = this.offered.map((column) => {
      const input = element("input", { type: "checkbox" });
      input.checked = this.columns.includes(column);
      input.addEventListener("change", () => this.keep(boxes));
      return { column, input, label: element("label", { title: column.note }, input, element("bdi", {}, column.title)) };
    });
    const all = this.model.columns.size;
    const left = all > boxes.length ? [element("p", { class: "note" }, `The first ${grouped(boxes.length)} of ${grouped(all)} columns; a file of the selection holds all.`)] : [];
    box.append(element("div", { class: "choices" }, ...left, ...boxes.map(({ label }) => label)));
  }

  keep(boxes) {
    this.columns = boxes.filter(({ input, column }) => input.checked || column.name === "trial").map(({ column }) => column);
    this.heading();
    this.draw(this.model);
  }

  // Filters by the words or the expression; one that can't be read says why and changes nothing.
  find() {
    const text = this.search.value.trim();
    const { fault } = reading(this.model, text);
    this.fault.textContent = fault ? `${fault}.` : "";
    this.search.setAttribute("aria-invalid", String(Boolean(fault)));
    if (!fault) this.model.set(WHERE, text || null);
  }

  heading() {
    this.head.replaceChildren(...this.columns.map((column) => {
      const button = element("button", { type: "button", title: column.note }, element("bdi", {}, column.title));
      button.addEventListener("click", () => this.sort(column));
      return element("th", { scope: "col", class: column.numeric && column !== this.columns[0] ? "number" : "" }, button);
    }));
  }

  sort(column) {
    this.descending = column === this.sorted && !this.descending;
    this.sorted = column;
    this.page = 0;
    this.draw(this.model);
  }

  turn(where) {
    const last = this.pages() - 1;
    const target = { first: 0, previous: this.page - 1, next: this.page + 1, last }[where];
    this.page = Math.min(last, Math.max(0, target));
    this.draw(this.model);
  }

  pages() {
    return Math.max(1, Math.ceil(this.found.length / ROWS_A_PAGE));
  }

  order() {
    return this.model.selected().sort((a, b) => compare(this.sorted.at(a), this.sorted.at(b), this.descending) || a - b);
  }

  draw(model) {
    this.found = this.order();
    this.page = Math.min(this.page, this.pages() - 1);
    const start = this.page * ROWS_A_PAGE;
    const rows = this.found.slice(start, start + ROWS_A_PAGE);
    this.body.replaceChildren(...rows.map((row) => this.row(model, row)));
    if (document.activeElement !== this.search) this.search.value = model.filters.get(WHERE) ?? "";
    this.state(start, rows.length);
  }

  row(model, row) {
    const failed = model.column(ERROR).at(row) === null;
    const kinds = [failed && "failed", model.chosen.includes(row) && "open"].filter(Boolean).join(" ");
    const made = element("tr", { class: kinds, "data-row": row }, ...this.columns.map((column, index) => this.cell(model, row, column, index)));
    made.addEventListener("click", (event) => model.choose(row, { beside: event.shiftKey }));
    return made;
  }

  cell(model, row, column, index) {
    const text = column.text(row);
    if (index === 0) return element("td", {}, element("button", { type: "button", class: "link" }, text));
    const spot = column.name === SPACE ? [swatch(model.spaces[model.space[row]])] : [];
    const wide = text.length > 40 ? { title: text } : {};
    return element("td", { class: column.numeric ? "number" : column.kind, ...wide }, ...spot, column.numeric ? text : element("bdi", {}, text));
  }

  state(start, shown) {
    [...this.head.children].forEach((cell, index) => {
      const state = this.columns[index] !== this.sorted ? "none" : this.descending ? "descending" : "ascending";
      cell.setAttribute("aria-sort", state);
    });
    const among = this.model.selecting ? ` selected, of ${grouped(this.model.rows)}` : "";
    const part = shown ? `${grouped(start + 1)}–${grouped(start + shown)} of ${grouped(this.found.length)}` : "none";
    this.box.querySelector("output").textContent = `trials ${part}${among}; sorted by ${this.sorted.title}; ${grouped(this.columns.length)} of ${grouped(this.model.columns.size)} columns`;
    for (const button of this.box.querySelectorAll("[data-turn]")) {
      button.disabled = TURNS.indexOf(button.dataset.turn) < 2 ? this.page === 0 : this.page >= this.pages() - 1;
    }
  }
};

const FIXED = new Set(["trial", "space", "error", "outcome"]);
