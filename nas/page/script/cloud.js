// Error against a column as points: what clouds of every kind share.

const PALE = 0.25; // share of the room for outside the selection, drawn as its ground
const CHOSEN_RING = 13;

// The vertical axis of errors that a few far values don't rule, and the line above it on which failures stand.
function errorAxis(model, figure) {
  const found = (model.errorRange ??= robust(model.errors));
  const log = found.low > 0 && found.high / found.low > 4;
  const [low] = padded(found.low, found.high, log, 0.05);
  const [, failed] = padded(found.low, found.high, log, 0, 0.1);
  const [, high] = padded(found.low, found.high, log, 0, 0.16);
  const layout = axis({ title: model.data.units.error, low, high, log, pixels: figure.room.y, write: percentLabel, upright: true });
  return { layout, low, high, failed, above: found.above, top: found.high, none: !model.errors.some((error) => error < Infinity) };
}

// Traces of the selected rows by space, in the model's colours, in front of a pale ground of the others; `x(row)` places a row.
function cloud(model, { rows, x, vertical, front: best = [], most = MOST_DRAWN }) {
  const { of } = colouring(model);
  const finite = (row) => model.errors[row] < Infinity && model.errors[row] <= vertical.top;
  const inside = new Uint8Array(model.rows);
  for (const row of rows) inside[row] = 1;
  const trained = rows.filter(finite);
  const drawn = sampled(trained, model.errors, most, best);
  const traces = [];
  if (rows.length < model.rows) {
    const others = Array.from({ length: model.rows }, (_, row) => row).filter((row) => !inside[row] && finite(row) && x(row) === x(row));
    traces.push(points(sampled(others, model.errors, most * PALE), x, model.errors, { color: GREY, size: 5, opacity: 0.25 }));
  }
  model.spaces.forEach((space, place) => {
    const own = drawn.filter((row) => model.space[row] === place);
    if (own.length) traces.push(points(own, x, model.errors, { color: model.colour ? own.map(of) : space.colour, symbol: space.symbol, size: 7, opacity: 0.8 }));
  });
  const lost = rows.filter((row) => !(model.errors[row] < Infinity));
  if (lost.length) traces.push(points(sampled(lost, model.errors, most * PALE), x, () => vertical.failed, { color: GREY, symbol: "x-thin", size: 7, line: { color: GREY, width: 1.5 } }));
  const ringed = model.chosen.filter((row) => x(row) === x(row));
  if (ringed.length) traces.push(points(ringed, x, (row) => (finite(row) ? model.errors[row] : vertical.failed), { color: "rgba(0,0,0,0)", size: CHOSEN_RING, line: { color: pageColour("--ink"), width: 2 } }));
  return { traces, note: cloudNote({ trained, drawn, lost, vertical, all: rows, model }) };
}

function points(rows, x, y, marker) {
  const high = typeof y === "function" ? y : (row) => y[row];
  return { type: "scatter", mode: "markers", x: rows.map(x), y: rows.map(high), customdata: rows, marker };
}

function cloudNote({ trained, drawn, lost, vertical, all, model }) {
  const notes = [];
  if (drawn.length < trained.length) notes.push(`${grouped(drawn.length)} of ${grouped(trained.length)} points are drawn: the front, the best, an even sample of the rest.`);
  const above = all.filter((row) => model.errors[row] < Infinity && model.errors[row] > vertical.top).length;
  if (above) notes.push(`${grouped(above)} with errors above the axis aren't drawn.`);
  if (lost.length && vertical.none) notes.push("No network has a usable error.");
  else if (lost.length) notes.push(`Crosses on top: ${grouped(lost.length)} without a usable error.`);
  return notes.join(" ");
}

// The filters of a figure's own axes as a rectangle, or as one for each span across; an open end lies at the axis.
function brushShapes(model, [across, upright], spans = [model.filters.get(across)]) {
  if (!model.filters.has(across) && !model.filters.has(upright)) return [];
  // A side that is open ends where the values do: an axis has no other end that a logarithmic one has, too.
  const side = (filter, name, letter) => {
    const known = [filter?.low, filter?.high].map(Number.isFinite);
    if (!known.includes(true)) return { [`${letter}0`]: 0, [`${letter}1`]: 1, [`${letter}ref`]: `${letter} domain` };
    const column = model.column(name);
    const ends = known.includes(false) ? (column.ends ??= extent(column.values)) : [];
    return { [`${letter}0`]: known[0] ? filter.low : ends[0], [`${letter}1`]: known[1] ? filter.high : ends[1] };
  };
  const style = { type: "rect", line: { color: pageColour("--accent"), width: 1 }, fillcolor: pageColour("--accent"), opacity: 0.12, layer: "below" };
  return spans.map((span) => ({ ...style, ...side(span, across, "x"), ...side(model.filters.get(upright), upright, "y") }));
}

// The filters that a drag over error against a column means; a double click ends them.
function brushed(found, column) {
  return new Map([[column.name, found && draggedRange(found.x)], [ERROR, found && draggedRange(found.y)]]);
}

// How many values a robust axis leaves out.
function outside({ below, above }) {
  return below + above ? `${grouped(below + above)} values outside of the axis aren't drawn.` : "";
}
