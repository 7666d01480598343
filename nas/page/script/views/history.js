// A search in the order of its trials: errors, the best so far, what ended early, and its front.

const MOST_TRIALS = 600;

VIEWS.history = class {
  constructor(box, model) {
    Object.assign(this, { trial: model.column("trial"), hears: ["selection", "chosen", "colour"] });
    if (!this.trial.numeric) return;
    this.cost = model.data.objectives.filter((name) => name !== ERROR).map((name) => model.column(name)).find((column) => column?.numeric);
    const figure = (column) => {
      const part = box.appendChild(element("div", {}));
      const onBrush = (found) => model.change(brushed(found, column));
      return new Figure(part, { cloud: true, height: 340, onBrush, onPick: (row, event) => model.choose(row, { beside: event.shiftKey }), hover: (row) => networkLines(model, row) });
    };
    this.errors = figure(this.trial);
    if (this.cost) this.fronts = figure(this.cost);
  }

  draw(model) {
    if (!this.errors) return;
    this.order = Array.from({ length: model.rows }, (_, row) => row).sort((a, b) => this.trial.values[a] - this.trial.values[b]);
    this.drawErrors(model);
    if (this.fronts) this.drawFronts(model);
  }

  drawErrors(model) {
    const { values } = this.trial;
    const rows = model.selected("trial", ERROR);
    const vertical = errorAxis(model, this.errors);
    const { traces, note } = cloud(model, { rows: rows.filter((row) => endOf(model, row) !== "pruned"), x: (row) => values[row], vertical, most: MOST_TRIALS });
    const pruned = rows.filter((row) => endOf(model, row) === "pruned");
    if (pruned.length) traces.push(points(pruned, (row) => values[row], () => vertical.failed, { color: GREY, symbol: "line-ns-open", size: 9, line: { color: GREY, width: 2 } }));
    const best = bestSoFar(this.order, model.errors);
    const last = this.order.at(-1);
    traces.push({
      type: "scatter", mode: "lines", x: [...best, last].map((row) => values[row]), y: [...best, best.at(-1)].map((row) => model.errors[row]),
      line: { shape: "hv", width: 2, color: pageColour("--ink") }, meta: "best",
    });
    const [low, high] = padded(values[this.order[0]], values[last]);
    const x = labelled(axis({ title: "trial", whole: true, low, high, pixels: this.errors.room.x, write: wholeLabel }));
    const found = best.length ? `The line is the lowest error so far; it last fell at trial ${this.trial.text(best.at(-1))}, to ${WRITERS.percent(model.errors[best.at(-1)])}.` : "";
    this.errors.draw({
      traces: best.length ? traces : traces.slice(0, -1), x, y: vertical.layout, none: vertical.none, shapes: brushShapes(model, ["trial", ERROR]),
      note: [found, note, pruned.length && `Bars on top: ${grouped(pruned.length)} pruned.`].filter(Boolean).join(" "),
      name: `Error by trial: ${plural(rows.length, "trial")}, the lowest error so far fell ${grouped(best.length)} times`,
      numbers: () => [["trial", "space", "lowest error so far"], best.map((row) => [this.trial.text(row), model.column(SPACE).text(row), WRITERS.percent(model.errors[row])])],
    });
  }

  // The front after a third, two thirds and all of the trials.
  drawFronts(model) {
    const { cost } = this;
    const ends = robust(cost.values.filter((value) => value > 0));
    const rows = model.selected(cost.name, ERROR).filter((row) => cost.values[row] >= ends.low && cost.values[row] <= ends.high);
    const vertical = errorAxis(model, this.fronts);
    const thirds = [1, 2, 3].map((third) => front(this.order.slice(0, Math.ceil((third * this.order.length) / 3)), cost.values, model.errors));
    const { traces, note } = cloud(model, { rows, x: (row) => cost.values[row], vertical, front: thirds[2] });
    thirds.forEach((found, i) => traces.push({
      type: "scatter", mode: "lines", x: found.map((row) => cost.values[row]), y: found.map((row) => model.errors[row]),
      line: { shape: "hv", width: i === 2 ? 2.5 : 1.5, dash: ["dot", "dash", "solid"][i], color: pageColour(i === 2 ? "--ink" : "--soft") }, meta: "front",
    }));
    const [low, high] = padded(ends.low, ends.high, true);
    const x = axis({ title: model.data.units[cost.name] ?? cost.title, low, high, log: true, pixels: this.fronts.room.x, write: (value) => axisLabel(cost, value) });
    this.fronts.draw({
      traces, x, y: vertical.layout, none: vertical.none, shapes: brushShapes(model, [cost.name, ERROR]),
      note: ["The front after a third of the trials (dotted), two thirds (dashed), all (solid).", note, outside(ends)].filter(Boolean).join(" "),
      name: `Pareto front of error and ${cost.title}: ${plural(thirds[2].length, "network")}`,
      numbers: () => [["on the front", "space", cost.title, "error"], thirds[2].map((row) => [this.trial.text(row), model.column(SPACE).text(row), cost.text(row), WRITERS.percent(model.errors[row])])],
    });
  }
};
