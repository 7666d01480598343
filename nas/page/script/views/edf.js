// Distributions of errors: one step line a space, the whole run pale behind a selection.

const SHOWN = 0.95; // share of the trained networks that the axis shows
const MOST_STEPS = 400;
const FEW = 8; // networks below which a distribution says too little

VIEWS.edf = class {
  constructor(box, model) {
    this.hears = ["selection", "chosen", "pointed"];
    const onBrush = (found) => model.set(ERROR, found && draggedRange(found.x));
    this.figure = new Figure(box, { height: 380, direction: "h", onBrush, onPick: (row, event) => model.choose(row, { beside: event.shiftKey }), hover: (row) => networkLines(model, row) });
  }

  draw(model) {
    const whole = this.samples(model, [...model.errors.keys()]);
    const own = model.selecting ? this.samples(model, model.selected(ERROR)) : whole;
    const { low, high, cut } = this.range(whole);
    const traces = [];
    const annotations = [];
    if (own !== whole) whole.forEach((sample, place) => sample.n >= FEW && traces.push(this.line(sample, model.spaces[place], high, { opacity: 0.25, width: 1.5 })));
    own.forEach((sample, place) => {
      const space = model.spaces[place];
      if (sample.n >= FEW) traces.push({ ...this.line(sample, space, high, { opacity: model.pointed === null || model.pointed === place ? 1 : 0.35, width: 2.5 }) });
      else if (sample.rows.length) traces.push(this.strip(model, sample, space, place));
    });
    const x = axis({ title: model.data.units.error, low, high, pixels: this.figure.room.x, write: percentLabel });
    const y = axis({ title: "networks with a lower error (%)", low: 0, high: 1.02, pixels: this.figure.room.y, write: percentLabel, upright: true });
    this.figure.draw({
      traces, x, y, annotations, shapes: brushShape(model, [ERROR]), note: cut ? `The axis ends at ${WRITERS.percent(high)}: ${grouped(cut)} higher errors lie to its right.` : "",
      name: `Distributions of errors: ${own.map((sample, place) => `${model.spaces[place].name} n ${sample.n}`).join(", ")}`,
      numbers: () => this.numbers(model, own),
    });
  }

  // Of each space its rows that enter a distribution, by error, and their steps.
  samples(model, rows) {
    const groups = model.spaces.map(() => []);
    for (const row of rows) if (model.enters[row]) groups[model.space[row]].push(row);
    return groups.map((own) => {
      own.sort((a, b) => model.errors[a] - model.errors[b]);
      return { rows: own, ...edf(own.map((row) => model.errors[row])) };
    });
  }

  range(samples) {
    const errors = Float64Array.from(samples.flatMap((sample) => sample.rows.length ? sample.errors : [])).sort();
    if (!errors.length) return { low: 0, high: 1, cut: 0 };
    const [low, shown, last] = [errors[0], quantile(errors, SHOWN), errors.at(-1)];
    const span = Math.max(shown - low, 0.02 * shown, 0.001);
    const high = last > shown + 0.3 * span ? shown + 0.08 * span : last + 0.08 * span;
    return { low: low - 0.05 * span, high, cut: errors.length - errors.filter((error) => error <= high).length };
  }

  line(sample, space, high, { opacity, width }) {
    const { errors, shares } = thinned(sample, MOST_STEPS);
    const rows = new Map(sample.rows.map((row, i) => [i, row]));
    let last = 0;
    const data = shares.map((share) => { const row = rows.get(Math.round(last * sample.n)); last = share; return row; });
    return {
      type: "scatter", mode: "lines", x: [Math.min(0, ...errors), ...errors, Math.max(high, errors.at(-1) ?? 0)], y: [0, ...shares, shares.at(-1) ?? 0],
      customdata: [null, ...data, null], line: { shape: "hv", color: space.colour, dash: space.dash, width }, opacity, meta: "edf", name: space.name,
    };
  }

  // Too few networks for a distribution: each is a dot.
  strip(model, sample, space, place) {
    const rows = sample.rows.filter((row) => model.errors[row] < Infinity);
    return { ...points(rows, (row) => model.errors[row], () => 0.03 + 0.03 * place, { color: space.colour, symbol: space.symbol, size: 8 }), meta: "strip" };
  }

  numbers(model, samples) {
    const shares = [0, 0.25, 0.5, 0.75, 1];
    const text = (error) => (error < Infinity ? WRITERS.percent(error) : "failed");
    const rows = samples.map((sample, place) => {
      const errors = sample.rows.map((row) => model.errors[row]);
      return [model.spaces[place].name, grouped(sample.n), ...(sample.n ? [WRITERS.percent(meanError(errors, model.data.guess)), ...shares.map((share) => text(quantile(errors, share)))] : Array(6).fill(NOTHING))];
    });
    return [["space", "n", "mean", "best", "first quarter", "median", "third quarter", "worst"], rows];
  }
};
