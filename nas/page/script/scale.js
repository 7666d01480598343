// One upright axis of a column, in shares of its length: numbers from 0 to 1, texts side by side, what isn't there beyond an end.

const MOST_OFFERED = 150; // columns that menus of axes offer
const MOST_TEXTS = 24; // different texts of a column that becomes an axis
const ABSENT = 0.13; // how far beyond the end the place of what isn't there lies
const EDGE = 0.01; // a brush that comes so near to an end keeps what lies on it and behind it
const TEXT_REACH = 0.42; // of the room of a text, how much of it counts as touched

const absences = (column) => (column.numeric ? column.values.some((value) => value !== value) : column.codes.some((code) => code < 0));

// Columns that differ between networks, if only by being there, and that have room on an axis.
function hasAxis(column) {
  const some = column.numeric ? column.values.some((value) => value === value) : column.levels.length > 0;
  return (varies(column) || (some && absences(column))) && (column.numeric || column.levels.length <= MOST_TEXTS);
}

class Scale {
  constructor(column, log) {
    const ends = column.numeric ? robust(column.values) : { low: 0, high: 1, log: false, below: 0, above: 0 };
    const order = column.numeric ? [] : column.levels.map((_, code) => code).sort((a, b) => collator.compare(column.levels[a], column.levels[b]));
    Object.assign(this, ends, { column, order, log: ends.low > 0 && ends.high > ends.low && (log ?? ends.log), maybeLog: ends.low > 0 && ends.high > ends.low });
    this.absent = absences(column);
    this.none = column.name === ERROR ? 1 + ABSENT : -ABSENT;
    this.places = new Map(order.map((code, i) => [code, (i + 0.5) / order.length]));
  }

  // Where a row lies; what lies outside of the drawn range lies at its end.
  share(row) {
    const { numeric, values, codes } = this.column;
    if (!numeric) return this.places.get(codes[row]) ?? this.none;
    return values[row] === values[row] ? this.at(values[row]) : this.none;
  }

  at(value) {
    if (this.high === this.low) return 0.5;
    const to = this.log ? Math.log : (x) => x;
    const inside = Math.min(this.high, Math.max(this.low, value));
    return (to(inside) - to(this.low)) / (to(this.high) - to(this.low));
  }

  value(share) {
    return this.log ? this.low * (this.high / this.low) ** share : this.low + share * (this.high - this.low);
  }

  // The filter that a brush between two shares means; null where it leaves nothing out.
  filter(a, b) {
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    const missing = this.absent && low <= this.none + 0.04 && high >= this.none - 0.04;
    if (!this.column.numeric) return this.texts(low, high, missing);
    if (high < -EDGE || low > 1 + EDGE) return missing ? range(1, 0, true) : null;
    const [from, to] = this.rounded(Math.max(0, low), Math.min(1, high));
    const found = range(low < EDGE ? -Infinity : from, high > 1 - EDGE ? Infinity : to, missing);
    return found.low === -Infinity && found.high === Infinity && missing === this.absent ? null : found;
  }

  // Ends of a brush in as many digits as can be seen.
  rounded(low, high) {
    if (this.log) return [low, high].map((share) => Number(this.value(share).toPrecision(4)));
    const found = draggedRange([this.value(low), this.value(high)]);
    return [found.low, found.high];
  }

  texts(low, high, missing) {
    const reach = TEXT_REACH / this.order.length;
    const kept = this.order.filter((code) => this.places.get(code) >= low - reach && this.places.get(code) <= high + reach);
    if (!kept.length && !missing) return null;
    const all = kept.length === this.order.length && missing === this.absent;
    return all ? null : new Set([...kept.map((code) => this.column.levels[code]), ...(missing ? [null] : [])]);
  }

  // Pieces of the axis that a filter keeps.
  spans(filter) {
    const none = filter && (filter instanceof Set ? filter.has(null) : filter.missing) ? [[this.none - 0.05, this.none + 0.05]] : [];
    if (!filter) return [];
    if (!(filter instanceof Set)) return [...(filter.low <= filter.high ? [[this.at(filter.low), this.at(filter.high)]] : []), ...none];
    const half = 0.46 / this.order.length;
    const kept = this.order.filter((code) => filter.has(this.column.levels[code]));
    return [...kept.map((code) => [this.places.get(code) - half, this.places.get(code) + half]), ...none];
  }

  // Labels and their shares, few enough for an axis of so many pixels.
  marks(pixels) {
    const { column } = this;
    if (!column.numeric) {
      const every = Math.ceil((14 * this.order.length) / pixels);
      return this.order.filter((_, i) => i % every === 0).map((code) => [this.places.get(code), written(column, column.levels[code])]);
    }
    const write = (value) => (column.kind === "integer" && value % 1 ? "" : axisLabel(column, value));
    const { values, texts } = ticks({ low: this.low, high: this.high, log: this.log, unit: tickUnit(column, this.high), room: pixels, text: write, across: () => 16 });
    return values.map((value, i) => [this.at(value), texts[i]]);
  }
}

// Columns that can be an axis, the error among them, in the order of the table; of many the first.
function axesOf(model) {
  model.withAxes ??= model.data.shown.map((name) => model.column(name)).filter((column) => column.name !== "trial" && hasAxis(column));
  return model.withAxes.slice(0, MOST_OFFERED);
}

// What menus of axes leave out, as a sentence; empty where they have all.
function axesLeftOut(model) {
  const offered = axesOf(model).length;
  return offered < model.withAxes.length ? `The first ${grouped(offered)} of ${grouped(model.withAxes.length)} columns can be chosen.` : "";
}

// Axes shown at first: dimensions that most networks have, then what else there is if they are few; the error is the last.
function firstAxes(model, most = 12, fewest = 5) {
  const offered = axesOf(model).filter((column) => column.name !== ERROR);
  const known = ({ numeric, values, codes }) => (numeric ? values.filter((value) => value === value) : codes.filter((code) => code >= 0)).length;
  model.known ??= new Map(offered.map((column) => [column, known(column)]));
  const common = (role) => offered.filter((column) => column.role === role).sort((a, b) => model.known.get(b) - model.known.get(a));
  const dimensions = common("dimension").slice(0, most - 1);
  const costs = offered.filter((column) => ["multiply_adds", "parameters"].includes(column.name));
  const added = [...common("attribute"), ...costs].slice(0, Math.max(0, fewest - 1 - dimensions.length));
  return [...offered.filter((column) => dimensions.includes(column) || added.includes(column)), model.column(ERROR)];
}
