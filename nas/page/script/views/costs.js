// Error against every cost, side by side, each with its Pareto front.

const MOST_SHOWN = 250; // points of each of the small clouds
const COSTS = ["latency_ms", "multiply_adds", "parameters", "activations", "seconds"];

VIEWS.costs = class {
  constructor(box, model) {
    this.hears = ["selection", "chosen", "colour"];
    this.columns = COSTS.map((name) => model.column(name)).filter((column) => column?.numeric && column.values.some((value) => value > 0));
    this.ends = this.columns.map((column) => robust(column.values.filter((value) => value > 0)));
    this.figures = this.columns.map((column) => {
      const part = box.appendChild(element("div", {}));
      const onBrush = (found) => model.change(brushed(found, column));
      return new Figure(part, { cloud: true, height: 300, onBrush, onPick: (row, event) => model.choose(row, { beside: event.shiftKey }), hover: (row) => networkLines(model, row) });
    });
  }

  draw(model) {
    this.figures.forEach((figure, i) => this.one(model, figure, this.columns[i], this.ends[i]));
  }

  one(model, figure, column, ends) {
    const { values } = column;
    const rows = model.selected(column.name, ERROR).filter((row) => values[row] >= ends.low && values[row] <= ends.high);
    const vertical = errorAxis(model, figure);
    const best = front(rows, values, model.errors);
    const { traces, note } = cloud(model, { rows, x: (row) => (values[row] >= ends.low && values[row] <= ends.high ? values[row] : NaN), vertical, front: best, most: MOST_SHOWN });
    traces.push({ type: "scatter", mode: "lines", x: best.map((row) => values[row]), y: best.map((row) => model.errors[row]), line: { shape: "hv", dash: "dot", width: 2, color: GREY }, meta: "front" });
    const [low, high] = padded(ends.low, ends.high, true);
    const x = axis({ title: model.data.units[column.name] ?? column.title, low, high, log: true, unit: tickUnit(column, high), pixels: figure.room.x, write: (value) => axisLabel(column, value) });
    figure.draw({
      traces, x, y: vertical.layout, none: vertical.none, shapes: brushShapes(model, [column.name, ERROR]), note: [note, outside(ends)].filter(Boolean).join(" "),
      name: `Error against ${column.title}: ${plural(rows.length, model.data.unit)}, ${best.length} on the front`,
      numbers: () => [["on the front", "space", column.title, "error"], best.map((row) => [model.column("trial").text(row), model.column(SPACE).text(row), column.text(row), WRITERS.percent(model.errors[row])])],
    });
  }
};
