// The error that the best of so many random networks is expected to have: a line a space, by Python's numbers.

const FEW_SPACES = 2; // up to which all bands are drawn; of more only those pointed at

VIEWS.efficiency = class {
  constructor(box, model) {
    this.hears = ["pointed"];
    this.points = model.data.searched.flatMap(({ name, n, draws, best }) => {
      const place = model.spaces.findIndex((space) => space.name === name);
      return draws.map((tries, i) => ({ place, name, n, tries, error: best[i][0], low: best[i][1], high: best[i][2] }));
    });
    this.figure = new Figure(box, { height: 340, hover: (i) => this.lines(this.points[i]) });
  }

  lines({ name, tries, error, low, high, n }) {
    const ends = low === null ? [] : [`95 % interval: ${WRITERS.percent(low)} to ${WRITERS.percent(high)}`];
    return [`best of ${grouped(tries)}: ${WRITERS.percent(error)}`, name, ...ends, `by ${grouped(n)} networks`];
  }

  draw(model) {
    const { points, figure } = this;
    const groups = model.spaces.map((_, place) => points.filter((point) => point.place === place)).filter((own) => own.length);
    const errors = points.map((point) => Number(point.error.toPrecision(9)));
    const [low, high] = padded(Math.min(...errors), Math.max(...errors), false, 0.15);
    const most = Math.max(...points.map((point) => point.tries));
    const shown = (place) => groups.length <= FEW_SPACES || model.pointed.includes(place);
    const strong = (place) => !model.pointed.length || model.pointed.includes(place);
    const traces = [
      ...groups.filter(([{ place }]) => shown(place)).flatMap((own) => bandOf(own, model.spaces[own[0].place])),
      ...groups.map((own) => lineOf(own, model.spaces[own[0].place], strong(own[0].place) ? 1 : 0.3, points)),
    ];
    const notes = [groups.length > FEW_SPACES && "The band of a space is drawn while its name in the legend is pointed at.", ...new Set(model.data.searched.flatMap(({ name, warnings }) => warnings.map((warning) => `${name}: ${warning}.`)))];
    figure.draw({
      traces, note: notes.filter(Boolean).join(" "),
      x: axis({ title: "networks tried at random", low: 0.95, high: most * 1.08, log: true, pixels: figure.room.x, write: (value) => (value % 1 ? "" : grouped(value)) }),
      y: axis({ title: `expected ${model.data.units.error}`, low: Math.max(0, low), high, pixels: figure.room.y, write: percentLabel, upright: true }),
      name: `Expected error of the best of so many random networks. ${groups.map((own) => `${own[0].name}: ${own.map(({ tries, error }) => `${tries}: ${WRITERS.percent(error)}`).join(", ")}`).join("; ")}`,
      numbers: () => [["space", "tried", "expected best", "from", "to", "by networks"], points.map(({ name, tries, error, low: from, high: to, n }) => [name, grouped(tries), ...[error, from, to].map((value) => (value === null ? NOTHING : WRITERS.percent(value))), grouped(n)])],
    });
  }
};

function lineOf(own, space, opacity, points) {
  return {
    type: "scatter", mode: "lines+markers", x: own.map(({ tries }) => tries), y: own.map(({ error }) => error), customdata: own.map((point) => points.indexOf(point)), opacity, meta: "expected",
    line: { color: space.colour, dash: space.dash, width: 2.5 }, marker: { color: space.colour, symbol: space.symbol, size: 7 },
  };
}

function bandOf(own, space) {
  const known = own.filter(({ low }) => low !== null);
  const shared = { type: "scatter", mode: "lines", x: known.map(({ tries }) => tries), line: { width: 0, color: space.colour }, meta: "band" };
  return [{ ...shared, y: known.map(({ low }) => low) }, { ...shared, y: known.map(({ high }) => high), fill: "tonexty", fillcolor: `${space.colour}33` }];
}
