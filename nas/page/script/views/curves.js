// Training curves: the whole run pale, the selected ones in their colours, the best and the chosen named.

const MOST_PALE = 120;
const MOST_COLOURED = 60;
const NAMED = 3; // best networks whose number stands at their curve

VIEWS.curves = class {
  constructor(box, model) {
    Object.assign(this, { value: box.dataset.value, place: box.dataset.value === "loss" ? 1 : 2, hears: ["selection", "chosen"] });
    const onPick = (row, event) => model.choose(row, { beside: event.shiftKey });
    this.figure = new Figure(box, { height: 340, onPick, hover: (row) => networkLines(model, row) });
  }

  // Rows with a curve: `all`, those `coloured` and those `named`, best first.
  rows(model) {
    const { curves, best } = model.data;
    const points = (row) => curves[row].filter((epoch) => epoch[this.place] !== null).length;
    const all = Object.keys(curves).map(Number).filter((row) => points(row) > 1);
    const longest = Math.max(0, ...Object.values(curves).map((epochs) => epochs.length));
    const chosen = model.chosen.filter((row) => all.includes(row));
    const selected = model.selecting ? all.filter((row) => model.mask[row]) : best.filter((row) => all.includes(row));
    const ranked = selected.sort((a, b) => model.errors[a] - model.errors[b] || a - b);
    const coloured = [...new Set([...chosen, ...ranked.slice(0, MOST_COLOURED)])];
    return { all, longest, coloured, selected: selected.length, named: [...new Set([...chosen, ...ranked.slice(0, NAMED)])] };
  }

  draw(model) {
    const rows = this.rows(model);
    if (!rows.all.length) return this.figure.draw({ none: true, note: this.value === "error" ? this.single(model, rows.longest) : "" });
    const { curves, units } = model.data;
    const faint = rows.all.filter((row) => !rows.coloured.includes(row)).filter((_, i, others) => i % Math.ceil(others.length / MOST_PALE) === 0);
    const values = [...faint, ...rows.coloured].flatMap((row) => curves[row].map((epoch) => epoch[this.place])).filter((value) => value !== null);
    const found = robust(values);
    const log = found.low > 0 && found.high > 4 * found.low;
    const [low, high] = padded(found.low, found.high, log, 0.12, 0.04);
    const last = Math.max(...[...faint, ...rows.coloured].map((row) => curves[row].at(-1)[0]));
    const write = this.value === "error" ? percentLabel : numberLabel;
    const x = labelled(axis({ title: "epoch", whole: true, low: 1 - 0.03 * last, high: last + 0.09 * last, pixels: this.figure.room.x, write: (value) => (value > last ? "" : epochLabel(value)) }));
    const y = axis({ title: units[this.value], low, high, log, pixels: this.figure.room.y, write, upright: true });
    const traces = [...faint.map((row) => this.pale(model, row)), ...[...rows.coloured].reverse().map((row) => this.coloured(model, row)), ...this.ends(model, [...faint, ...rows.coloured])];
    this.figure.draw({
      traces, x, y, annotations: curveNames(model, rows.named, this.place, { low, high, log, room: this.figure.room.y }), note: this.note(model, rows, faint, found),
      name: `${units[this.value]} after each epoch: ${plural(rows.all.length, "training")}, ${plural(rows.coloured.length, "network")} in colour`,
      numbers: () => [["trial", "outcome", "epochs", `first ${this.value}`, `last ${this.value}`], rows.coloured.map((row) => this.cells(model, row))],
    });
  }

  line(model, row, style) {
    const epochs = model.data.curves[row];
    return { type: "scatter", x: epochs.map((epoch) => epoch[0]), y: epochs.map((epoch) => epoch[this.place]), customdata: epochs.map(() => row), ...style };
  }

  pale(model, row) {
    return this.line(model, row, { mode: "lines", line: { color: GREY, width: 1 }, opacity: 0.25, meta: "pale" });
  }

  coloured(model, row) {
    const { colour, dash } = model.spaces[model.space[row]];
    return this.line(model, row, { mode: "lines", line: { color: colour, dash, width: model.chosen.includes(row) ? 4 : 1.8 }, meta: "curve" });
  }

  // Where trainings ended early: a bar for pruned ones, a cross for failures.
  ends(model, rows) {
    const symbols = { pruned: "line-ns-open", failed: "x-thin-open" };
    return Object.entries(symbols).flatMap(([kind, symbol]) => {
      const own = rows.filter((row) => endOf(model, row) === kind);
      const point = (row) => model.data.curves[row].findLast((epoch) => epoch[this.place] !== null);
      if (!own.length) return [];
      return [{ type: "scatter", mode: "markers", x: own.map((row) => point(row)[0]), y: own.map((row) => point(row)[this.place]), customdata: own, marker: { symbol, size: 9, color: pageColour(kind === "failed" ? "--bad" : "--soft"), line: { width: 2 } }, meta: kind }];
    });
  }

  note(model, { all, coloured, selected }, faint, found) {
    const ended = (kind) => [...faint, ...coloured].filter((row) => endOf(model, row) === kind).length;
    const short = Object.values(model.data.curves).filter((epochs) => epochs.length === 1).length;
    return [
      model.selecting && !selected && "No selected training has a curve.",
      faint.length + coloured.length < all.length && `${grouped(faint.length + coloured.length)} of ${plural(all.length, "curve")} are drawn, the best of the selection and an even sample.`,
      ended("pruned") && `Bars: ${grouped(ended("pruned"))} pruned.`,
      ended("failed") && `Crosses: ${grouped(ended("failed"))} failed.`,
      short && `${plural(short, "training")} ended after a single epoch and ${short === 1 ? "has" : "have"} no curve.`,
      found.above + found.below && `${grouped(found.above + found.below)} values outside of the axis aren't drawn.`,
    ].filter(Boolean).join(" ");
  }

  // What stands in the place of curves where all trainings have one epoch or none.
  single(model, longest) {
    if (!longest) return "No training has finished an epoch.";
    const errors = Object.values(model.data.curves).map((epochs) => epochs[0]?.[2]).filter((error) => typeof error === "number");
    const span = errors.length ? `; they ended between ${WRITERS.percent(Math.min(...errors))} and ${WRITERS.percent(Math.max(...errors))} error` : "";
    return `Each training has a single epoch, so there is no curve to draw${span}.`;
  }

  cells(model, row) {
    const values = model.data.curves[row].map((epoch) => epoch[this.place]).filter((value) => value !== null);
    const write = this.value === "error" ? WRITERS.percent : (value) => value.toPrecision(4);
    return [model.column("trial").text(row), model.column("outcome").text(row), grouped(model.data.curves[row].length), write(values[0]), write(values.at(-1))];
  }
};
