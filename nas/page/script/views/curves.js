// Training curves: the best networks in the colour of their space, the others in grey.

const MOST_OTHERS = 120;

VIEWS.curves = class {
  constructor(box, model) {
    Object.assign(this, { value: box.dataset.value, hears: ["chosen"] });
    this.figure = new Figure(box, { height: 320, onPick: (row) => model.choose(row), hover: (row) => networkLines(model, row) });
  }

  draw(model) {
    const { curves, best, units } = model.data;
    const place = this.value === "loss" ? 1 : 2;
    const led = best.filter((row) => curves[row]?.length);
    const others = Object.keys(curves).map(Number).filter((row) => curves[row].length && !led.includes(row));
    const faint = others.filter((_, i) => i % Math.ceil(others.length / MOST_OTHERS) === 0);
    const drawn = [...faint, ...led].flatMap((row) => curves[row].map((epoch) => epoch[place])).filter((value) => value !== null);
    const last = Math.max(...[...faint, ...led].map((row) => curves[row].at(-1)[0]));
    const line = (row, style) => ({ type: "scatter", x: curves[row].map((epoch) => epoch[0]), y: curves[row].map((epoch) => epoch[place]), customdata: curves[row].map(() => row), ...style });
    const space = (row) => model.spaces[model.space[row]];
    const traces = [
      ...faint.map((row) => line(row, { mode: "lines", line: { color: GREY, width: 1 }, opacity: 0.25 })),
      ...[...led].reverse().map((row) => line(row, { mode: "lines+markers", line: { color: space(row).colour, dash: space(row).dash, width: model.chosen.includes(row) ? 4 : 2 }, marker: { symbol: space(row).symbol, size: 5 }, meta: "curve" })),
    ];
    const [least, most] = [Math.min(...drawn), Math.max(...drawn)];
    const log = least > 0 && most > 4 * least;
    const [low, high] = padded(least, most, log);
    const write = this.value === "error" ? percentLabel : numberLabel;
    const x = axis({ title: "epoch", low: 1 - 0.04 * last, high: 1.04 * last, whole: true, pixels: this.figure.room.x, write: grouped });
    const y = axis({ title: units[this.value], low, high, log, pixels: this.figure.room.y, write, upright: true });
    this.figure.draw({ traces, x, y, name: `Training curves (${this.value}) of ${led.length} networks` });
  }
};
