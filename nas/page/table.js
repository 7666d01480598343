// The table of all trials: sorted by its header, filtered by text, one page of rows in the document at a time.

const ROWS_A_PAGE = 50;
const NUMERIC = new Set(["percent", "count", "bytes", "seconds", "rate", "rows", "integer", "number", "plain"]);

const collator = new Intl.Collator("en", { numeric: true });

// Missing values come last in both directions.
function compare(a, b, descending) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" && typeof b === "number"
    ? a - b
    : collator.compare(String(a), String(b));
  return descending ? -order : order;
}

class TrialTable {
  constructor(report, root, open) {
    Object.assign(this, { report, root, open, page: 0, sorted: 0, descending: false, words: [] });
    this.places = report.rows.map((_, place) => place);
    this.head = root.querySelector("thead tr");
    this.body = root.querySelector("tbody");
    this.buildHead();
    root.querySelector("input").addEventListener("input", (event) => this.filter(event.target.value));
    for (const button of root.querySelectorAll("[data-turn]")) {
      button.addEventListener("click", () => this.turn(button.dataset.turn));
    }
    this.show();
  }

  buildHead() {
    this.report.columns.forEach((column, index) => {
      const button = element("button", { type: "button", title: column.note }, column.title);
      button.addEventListener("click", () => this.sort(index));
      const numeric = NUMERIC.has(column.kind) ? "number" : "";
      this.head.append(element("th", { scope: "col", class: numeric }, button));
    });
  }

  sort(index) {
    this.descending = index === this.sorted && !this.descending;
    this.sorted = index;
    this.page = 0;
    this.show();
  }

  filter(text) {
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.page = 0;
    this.show();
  }

  turn(where) {
    const last = this.pages() - 1;
    const target = { first: 0, previous: this.page - 1, next: this.page + 1, last }[where];
    this.page = Math.min(last, Math.max(0, target));
    this.show();
  }

  pages() {
    return Math.max(1, Math.ceil(this.found.length / ROWS_A_PAGE));
  }

  // All texts of a row in lower case, made when a filter first needs them.
  texts() {
    this.known ??= this.report.rows.map((row) =>
      row.map((value, index) => written(this.report.columns[index], value)).join("\n").toLowerCase());
    return this.known;
  }

  matching() {
    if (!this.words.length) return [...this.places];
    const texts = this.texts();
    return this.places.filter((place) => this.words.every((word) => texts[place].includes(word)));
  }

  show() {
    const { rows } = this.report;
    this.found = this.matching().sort((a, b) =>
      compare(rows[a][this.sorted], rows[b][this.sorted], this.descending) || a - b);
    const start = this.page * ROWS_A_PAGE;
    const places = this.found.slice(start, start + ROWS_A_PAGE);
    this.body.replaceChildren(...places.map((place) => this.row(place)));
    this.showState(start, places.length);
  }

  row(place) {
    const failed = valueOf(this.report, place, "error") === null;
    const cells = this.report.rows[place].map((value, index) => this.cell(place, value, index));
    const made = element("tr", { class: failed ? "failed" : "", "data-row": place }, ...cells);
    made.addEventListener("click", () => this.open(place));
    return made;
  }

  cell(place, value, index) {
    const column = this.report.columns[index];
    const text = written(column, value);
    if (index === 0) return element("td", {}, element("button", { type: "button", class: "link" }, text));
    const kind = NUMERIC.has(column.kind) ? "number" : column.kind;
    const wide = text.length > 40 ? { title: text } : {};
    if (column.name !== "space") return element("td", { class: kind, ...wide }, text);
    return element("td", { class: kind, ...wide }, swatch(this.report, value), text);
  }

  showState(start, shown) {
    const { columns, rows } = this.report;
    [...this.head.children].forEach((cell, index) => {
      const state = index !== this.sorted ? "none" : this.descending ? "descending" : "ascending";
      cell.setAttribute("aria-sort", state);
    });
    const among = this.found.length < rows.length ? ` that match, of ${grouped(rows.length)}` : "";
    const part = shown ? `${grouped(start + 1)}–${grouped(start + shown)} of ${grouped(this.found.length)}` : "none";
    this.root.querySelector("output").textContent = `trials ${part}${among}; sorted by ${columns[this.sorted].title}`;
    for (const button of this.root.querySelectorAll("[data-turn]")) {
      const back = ["first", "previous"].includes(button.dataset.turn);
      button.disabled = back ? this.page === 0 : this.page >= this.pages() - 1;
    }
  }
}

// A spot in the colour of a space.
function swatch(report, space) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const spot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  svg.setAttribute("class", "swatch");
  svg.setAttribute("viewBox", "0 0 10 10");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, value] of [["cx", 5], ["cy", 5], ["r", 4.5], ["fill", report.colours[space] ?? "#858585"]]) {
    spot.setAttribute(name, value);
  }
  svg.append(spot);
  return svg;
}
