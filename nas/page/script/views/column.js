// Error against any column: numbers to scale with medians of each space, texts side by side as categories.

const MOST_LEVELS = 24;
const LEVEL_ROOM = 22; // pixels that the tilted name of a level needs
const OTHER = "other";
const FEW_VALUES = 30; // different numbers up to which points are spread a little, so that they don't hide each other
const GOLDEN = 0.6180339887; // spreads evenly without chance

VIEWS.column = class {
  constructor(box, model) {
    Object.assign(this, { ends: new Map(), hears: ["selection", "chosen", "colour"] });
    this.menu = element("select", {}, ...options(model));
    this.menu.addEventListener("change", () => this.draw(model));
    box.append(element("label", { class: "menu" }, "Error against", this.menu));
    this.figure = new Figure(box.appendChild(element("div", {})), {
      cloud: true,
      height: 420, onBrush: (found) => this.brush(model, found), onPick: (row, event) => model.choose(row, { beside: event.shiftKey }), hover: (row) => networkLines(model, row),
    });
  }

  draw(model) {
    const column = model.column(this.menu.value);
    if (!column) return;
    const vertical = errorAxis(model, this.figure);
    const scale = column.numeric ? numericScale(column, this.figure, this.endsOf(column)) : levelScale(model, column, this.figure);
    const rows = model.selected(column.name, ERROR);
    const known = rows.filter((row) => scale.x(row) === scale.x(row));
    const { traces, note } = cloud(model, { rows: known, x: scale.x, vertical });
    traces.push(...(column.numeric ? medianLines(model, column, known) : medianBars(model, scale, known)));
    this.scale = scale;
    this.figure.draw({
      traces, x: scale.axis, y: vertical.layout, none: vertical.none, shapes: brushShapes(model, [column.name, ERROR], scale.spans?.(model.filters.get(column.name))), name: `Error against ${column.title}: ${plural(known.length, model.data.unit)}`,
      note: [note, scale.note, emptyNote(model, column, rows)].filter(Boolean).join(" "),
      numbers: () => numbers(model, column, known),
    });
  }

  endsOf(column) {
    if (!this.ends.has(column)) this.ends.set(column, spreadOf(column));
    return this.ends.get(column);
  }

  brush(model, found) {
    const column = model.column(this.menu.value);
    const filter = found && (column.numeric ? draggedRange(found.x) : this.scale.levelsIn(found.x));
    model.change(new Map([[column.name, filter], [ERROR, found && draggedRange(found.y)]]));
  }
};

// How many rows have no value and so no place, and which spaces have none at all.
function emptyNote(model, column, rows) {
  const empty = rows.filter((row) => column.at(row) === null);
  if (!empty.length) return "";
  const some = new Set(rows.filter((row) => column.at(row) !== null).map((row) => model.space[row]));
  const without = [...new Set(empty.map((row) => model.space[row]))].filter((place) => !some.has(place)).map((place) => nameText(model.spaces[place].name));
  return `${plural(empty.length, model.data.unit)} without ${column.title} ${empty.length === 1 ? "isn't" : "aren't"} drawn${without.length ? `, among them all of ${without.join(", ")}` : ""}.`;
}

// Columns that say something, what was chosen before what was measured.
function options(model) {
  const groups = { dimension: "dimensions", attribute: "attributes", measure: "measured" };
  return Object.entries(groups).map(([role, label]) => {
    const columns = model.data.shown.map((name) => model.column(name)).filter((column) => column.role === role && column.name !== ERROR && column.name !== SPACE && varies(column) && (column.numeric || repeats(column)));
    return element("optgroup", { label }, ...columns.map((column) => element("option", { value: column.name }, column.title)));
  }).filter((group) => group.childElementCount);
}

// Whether most rows have a text that stands in a category of its own.
function repeats(column) {
  const counts = new Map();
  for (const code of column.codes) if (code >= 0) counts.set(code, (counts.get(code) ?? 0) + 1);
  const all = [...counts.values()].sort((a, b) => b - a);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  return sum(all.slice(0, MOST_LEVELS)) >= 0.5 * sum(all);
}

// Where a numeric column is drawn, and how far few different values are spread.
function spreadOf({ values }) {
  const ends = robust(values);
  const different = [...new Set(values)].filter(Number.isFinite).sort((a, b) => a - b);
  const gap = different.length > 1 && different.length <= FEW_VALUES && !ends.log ? Math.min(...different.slice(1).map((value, i) => value - different[i])) : 0;
  return { ends, spread: 0.35 * gap };
}

function numericScale(column, figure, { ends, spread }) {
  const { values } = column;
  const [low, high] = padded(ends.low, ends.high, ends.log);
  const x = (row) => (values[row] >= ends.low && values[row] <= ends.high ? values[row] + spread * (((row * GOLDEN) % 1) - 0.5) : NaN);
  return { x, note: outside(ends), axis: axis({ title: `${column.title}${unitOf(column)}`, low: low - spread, high: high + spread, log: ends.log, whole: column.kind === "integer", unit: tickUnit(column, high), pixels: figure.room.x, write: (value) => axisLabel(column, value) }) };
}

// Levels side by side, the spaces side by side within each; rare ones of many are one.
function levelScale(model, column, figure) {
  const counts = new Map();
  for (const code of column.codes) if (code >= 0) counts.set(code, (counts.get(code) ?? 0) + 1);
  const most = Math.min(MOST_LEVELS, Math.floor(figure.room.x / LEVEL_ROOM));
  const frequent = [...counts].sort((a, b) => b[1] - a[1]).slice(0, most).map(([code]) => code);
  const order = frequent.sort((a, b) => collator.compare(column.levels[a], column.levels[b]));
  const names = [...order.map((code) => column.levels[code]), ...(counts.size > order.length ? [OTHER] : [])];
  const place = new Map(order.map((code, i) => [code, i]));
  const lane = 0.8 / model.spaces.length;
  const middle = (row) => (column.codes[row] < 0 ? NaN : (place.get(column.codes[row]) ?? order.length) + lane * (model.space[row] + 0.5) - 0.4);
  const room = Math.max(3, Math.floor((figure.room.x / names.length - 8) / 6.6));
  const tilt = names.some((name) => name.length > room) ? 40 : 0;
  return {
    x: (row) => middle(row) + lane * 0.7 * (((row * GOLDEN) % 1) - 0.5), middle, names,
    note: counts.size > order.length ? `${grouped(counts.size - order.length)} rare values stand together.` : "",
    spans: (kept) => (kept ? order.flatMap((code, i) => (kept.has(column.levels[code]) ? [range(i - 0.45, i + 0.45)] : [])) : undefined),
    levelsIn: ([a, b]) => new Set(order.filter((_, i) => i >= Math.min(a, b) - 0.4 && i <= Math.max(a, b) + 0.4).map((code) => column.levels[code])),
    axis: { ...axis({ title: column.title, low: -0.6, high: names.length - 0.4, pixels: figure.room.x, write: String }), tickvals: names.map((_, i) => i), ticktext: shortNames(names, tilt ? 14 : room).map(plotlyText), tickangle: tilt, showgrid: false },
  };
}

function medianLines(model, column, rows) {
  return model.spaces.map((space, place) => {
    const found = medians(rows.filter((row) => model.space[row] === place), column.values, model.errors);
    return { type: "scatter", mode: "lines", x: found.map((point) => point.x), y: found.map((point) => point.error), line: { color: space.colour, width: 2.5, dash: space.dash }, meta: "median" };
  }).filter((trace) => trace.x.length > 1);
}

function medianBars(model, { middle }, rows) {
  const groups = Map.groupBy(rows, middle);
  const bars = [...groups].map(([x, own]) => ({ x, place: model.space[own[0]], error: median(own.map((row) => model.errors[row])) })).filter((bar) => bar.error < Infinity);
  return model.spaces.map((space, place) => {
    const own = bars.filter((bar) => bar.place === place);
    return { type: "scatter", mode: "markers", x: own.map((bar) => bar.x), y: own.map((bar) => bar.error), marker: { symbol: "line-ew", size: 18, line: { color: space.colour, width: 3 } }, meta: "median" };
  }).filter((trace) => trace.x.length);
}

// Medians as a table: of each space along a numeric column, or of each level.
function numbers(model, column, rows) {
  const groups = model.spaces.flatMap((space, place) => {
    const own = rows.filter((row) => model.space[row] === place);
    if (column.numeric) return medians(own, column.values, model.errors).map((point) => [space.name, written(column, point.x), WRITERS.percent(point.error)]);
    return [...Map.groupBy(own, (row) => column.text(row))].map(([level, members]) => {
      const middle = median(members.map((row) => model.errors[row]));
      return [space.name, level, middle < Infinity ? WRITERS.percent(middle) : "failed"];
    });
  });
  return [["space", column.title, "median error"], groups];
}
