// The data of one run and what is selected of it; every view is a function of this and hears of changes from it.

const MOST_CHOSEN = 4;
const SPACE = "space";
const ERROR = "error";
const WHERE = ""; // the filter that is a text: words or an expression
const NONE = "none";

class Model {
  constructor(data) {
    this.data = data;
    this.rows = data.rows;
    this.columns = new Map(data.columns.map((stored) => [stored.name, new Column(stored, data.rows)]));
    this.spaces = data.spaces;
    this.space = this.codesOfSpaces();
    this.errors = this.errorsOrInfinity();
    this.enters = data.enters ? array("u1", data.enters) : new Uint8Array(this.rows).fill(1);
    // Of each row's network, where some have several trainings: their mean error, half its interval, how many they are.
    this.networks = data.networks && { means: array("f8", data.networks.means), halves: array("f4", data.networks.halves), trainings: array("i4", data.networks.trainings) };
    this.filters = new Map();
    this.passes = new Map();
    this.chosen = [];
    this.axes = null;
    this.colour = null;
    this.pointed = [];
    this.listeners = [];
    this.count();
  }

  column(name) {
    return this.columns.get(name);
  }

  // Filters a column by a range or a set of texts (null in it: no text), or the whole table by a text; null ends it.
  set(name, filter) {
    this.change(new Map([[name, filter]]));
  }

  // Several filters at once, and one redrawing.
  change(filters) {
    for (const [name, filter] of filters) {
      const passing = filter === null ? null : this.passing(name, filter);
      if (passing) {
        this.filters.set(name, filter);
        this.passes.set(name, passing);
      } else {
        this.filters.delete(name);
        this.passes.delete(name);
      }
    }
    this.count();
    this.tell("selection");
  }

  // Ends one filter, or all.
  clear(name) {
    this.change(new Map((name === undefined ? [...this.filters.keys()] : [name]).map((key) => [key, null])));
  }

  get selecting() {
    return this.filters.size > 0;
  }

  // Chooses a network beside those that are chosen, or instead of them; at most four.
  choose(row, { beside = false } = {}) {
    const others = beside ? this.chosen.filter((other) => other !== row) : [];
    this.chosen = [...others, row].slice(-MOST_CHOSEN);
    this.tell("chosen");
  }

  // Gives back one chosen network, or all.
  release(row) {
    this.chosen = row === undefined ? [] : this.chosen.filter((other) => other !== row);
    this.tell("chosen");
  }

  // The columns of the parallel coordinates from left to right, by name; null for those that are shown at first.
  arrange(names) {
    this.axes = names;
    this.tell("axes");
  }

  // The column whose values colour points and lines, by name; null for the spaces.
  colourBy(name) {
    this.colour = name;
    this.colours = undefined; // made when a view first needs them
    this.tell("colour");
  }

  // The spaces (their places in `spaces`) that the pointer or the focus is on: none, one, or two of a pair.
  point(...spaces) {
    if (String(spaces) === String(this.pointed)) return;
    this.pointed = spaces;
    this.tell("pointed");
  }

  // Calls back with what changed: "selection", "chosen", "axes", "colour" or "pointed".
  on(listener) {
    this.listeners.push(listener);
  }

  tell(what) {
    for (const listener of this.listeners) listener(what);
  }

  // Rows that every filter passes but those on a view's own axes: a view doesn't filter itself.
  selected(...own) {
    const others = [...this.passes].filter(([name]) => !own.includes(name)).map(([, passing]) => passing);
    const found = [];
    for (let row = 0; row < this.rows; row++) if (others.every((passing) => passing[row])) found.push(row);
    return found;
  }

  // The mask, and of each space all its rows, the selected ones, and their mean error with failures as guessing.
  count() {
    this.mask = new Uint8Array(this.rows).fill(1);
    for (const passing of this.passes.values()) for (let row = 0; row < this.rows; row++) this.mask[row] &= passing[row];
    this.counts = this.spaces.map(() => ({ all: 0, selected: 0, n: 0, mean: NaN, failures: 0 }));
    const sums = new Float64Array(this.spaces.length);
    this.selectedRows = 0;
    for (let row = 0; row < this.rows; row++) {
      const own = this.counts[this.space[row]];
      own.all++;
      if (!this.mask[row]) continue;
      own.selected++;
      this.selectedRows++;
      if (!this.enters[row]) continue;
      own.n++;
      own.failures += this.errors[row] === Infinity;
      sums[this.space[row]] += Math.min(this.errors[row], this.errors[row] === Infinity ? this.data.guess : Infinity);
    }
    this.counts.forEach((own, space) => (own.mean = sums[space] / own.n));
  }

  passing(name, filter) {
    if (name === WHERE) return matching(this, filter);
    const column = this.columns.get(name);
    if (!column) return null;
    const passing = new Uint8Array(this.rows);
    if (column.numeric) {
      const { low, high, missing } = filter;
      for (let row = 0; row < this.rows; row++) {
        const value = column.values[row];
        passing[row] = Number.isNaN(value) ? missing : value >= low && value <= high;
      }
    } else {
      const kept = column.levels.map((level) => filter.has(level));
      const missing = filter.has(null);
      for (let row = 0; row < this.rows; row++) passing[row] = column.codes[row] < 0 ? missing : kept[column.codes[row]];
    }
    return passing;
  }

  codesOfSpaces() {
    const column = this.column(SPACE);
    const place = (level) => this.spaces.findIndex((space) => space.name === level);
    const places = column.levels.map(place);
    return Uint8Array.from({ length: this.rows }, (_, row) => places[column.codes[row]] ?? place(""));
  }

  // Failures, and networks that learned no more than guessing, have no error that could be compared.
  errorsOrInfinity() {
    const { values } = this.column(ERROR);
    const { worst } = this.data;
    return Float64Array.from(values, (error) => (error === error && (worst === null || error < worst) ? error : Infinity));
  }

  // The row of a trial's number, -1 where there is none.
  rowOf(trial) {
    const column = this.column("trial");
    for (let row = 0; row < this.rows; row++) if (String(column.at(row)) === trial) return row;
    return -1;
  }

  // Filters, chosen networks, axes and colour as the part of an address behind #.
  get address() {
    const parts = new URLSearchParams();
    for (const [name, filter] of this.filters) {
      for (const text of filterTexts(name, filter)) parts.append(keyOf(name), text);
    }
    for (const name of this.axes ?? []) parts.append("axis", name);
    if (this.colour) parts.set("colour", this.colour);
    if (this.chosen.length) parts.set("trial", this.chosen.map((row) => this.column("trial").at(row)).join(","));
    return parts.toString();
  }

  // Takes over filters, chosen networks, axes and colour of an address; what the table doesn't have is passed over.
  set address(text) {
    const parts = new URLSearchParams(text);
    const filters = new Map([...this.filters.keys()].map((name) => [name, null]));
    for (const key of new Set(parts.keys())) {
      if (!RESERVED.has(key) || key === "where") filters.set(nameOf(key), this.filterOf(nameOf(key), parts.getAll(key)));
    }
    this.chosen = (parts.get("trial") ?? "").split(",").map((trial) => this.rowOf(trial)).filter((row) => row >= 0).slice(0, MOST_CHOSEN);
    this.change(filters);
    this.tell("chosen");
    const axes = parts.getAll("axis").filter((name) => this.columns.has(name));
    this.arrange(axes.length ? axes : null);
    const colour = this.column(parts.get("colour"));
    this.colourBy(colour && colour.name !== SPACE && varies(colour) ? colour.name : null);
  }

  filterOf(name, texts) {
    if (name === WHERE) return texts[0] || null;
    const column = this.column(name);
    if (!column) return null;
    if (!column.numeric) return new Set(texts.map((each) => each || null));
    const [ends, missing] = texts[0].split(",");
    const [low, high] = ends.split("..");
    if (high === undefined) return null;
    return range(low === "" ? -Infinity : Number(low), high === "" ? Infinity : Number(high), missing === NONE);
  }
}

// A filter of a numeric column: both ends belong to it; `missing` says whether rows without a value pass.
const range = (low, high, missing = false) => ({ low, high, missing });

// The range of a drag, its ends in as many digits as can be seen.
function draggedRange([first, second]) {
  const [low, high] = [Math.min(first, second), Math.max(first, second)];
  const step = 10 ** Math.floor(Math.log10((high - low) / 200 || 1e-9));
  const rounded = (value) => Number((Math.round(value / step) * step).toPrecision(9));
  return range(rounded(low), rounded(high));
}

const RESERVED = new Set(["axis", "colour", "figure", "run", "trial", "where"]);
const keyOf = (name) => (name === WHERE ? "where" : RESERVED.has(name) || name.startsWith("~") ? `~${name}` : name);
const nameOf = (key) => (key === "where" ? WHERE : key.startsWith("~") ? key.slice(1) : key);
const end = (value) => (Number.isFinite(value) ? String(value) : "");

function filterTexts(name, filter) {
  if (name === WHERE) return [filter];
  if (filter instanceof Set) return [...filter].map((text) => text ?? "");
  return [`${end(filter.low)}..${end(filter.high)}${filter.missing ? `,${NONE}` : ""}`];
}
