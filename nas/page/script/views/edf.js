// Distributions of errors: one step line a space, the whole run pale behind a selection.

const SHOWN = 0.95; // share of the trained networks that the axis shows
const MOST_STEPS = 400;
const FEW = 8; // networks below which a distribution says too little
const TOP = 1.03; // end of the axis of shares
const STRIP = 0.06; // height of a line of dots, below the axis
const LABEL = 15; // pixels of a label's line
const ROOMY = 700; // width from which labels stand at the lines' ends
const LONGEST = 28; // letters of a label

VIEWS.edf = class {
  constructor(box, model) {
    this.hears = ["selection", "chosen", "pointed"];
    this.figure = new Figure(box, {
      height: 380, direction: "h",
      onBrush: (found) => model.set(ERROR, found && draggedRange(found.x)),
      onPick: (row, event) => model.choose(row, { beside: event.shiftKey }),
      hover: (row, point) => [`${percentLabel(Number(point.y.toPrecision(3)))} % of the space reach this error`, ...networkLines(model, row)],
    });
  }

  draw(model) {
    const whole = samplesOf(model, [...model.errors.keys()]);
    const own = model.selecting ? samplesOf(model, model.selected(ERROR)) : whole;
    const ends = rangeOf(whole);
    const names = shortNames(model.spaces.map((space) => space.name), LONGEST);
    const roomy = this.figure.width > ROOMY ? 40 + 6.1 * Math.max(...names.map((name) => name.length), 1) : 0; // pixels for labels
    const lines = own.filter((sample) => sample.n >= FEW && sample.errors.length);
    const few = own.filter((sample) => sample.n < FEW && sample.errors.length);
    const [x, y] = this.axes(model, ends, roomy, few.length, lines.length > 0);
    const traces = [
      ...(own === whole || !lines.length ? [] : whole.filter((sample) => sample.n >= FEW).map((sample) => line(sample, ends, { opacity: 0.3, width: 1.2 }))),
      ...lines.filter((sample) => model.pointed.includes(sample.place)).flatMap((sample) => band(sample, ends)),
      ...lines.map((sample) => line(sample, ends, { opacity: !model.pointed.length || model.pointed.includes(sample.place) ? 1 : 0.3, width: 2.5 })),
      ...few.map((sample, i) => strip(model, sample, -STRIP * (i + 0.5))),
      ...marked(model, own),
    ];
    const none = !traces.some((trace) => trace.x.length);
    this.figure.draw({
      traces, x, y, annotations: roomy ? this.labels(lines, ends, few.length, names) : [], shapes: brushShapes(model, [ERROR]), none, note: noteOf(own, ends),
      margin: { r: roomy || 20 }, height: lines.length ? this.figure.height : 90 + 34 * few.length,
      name: `Distributions of errors. ${own.map((sample) => `${sample.space.name}: ${sample.n} networks${sample.errors.length ? `, median ${text(quantile(sample.sorted, 0.5))}` : ""}`).join("; ")}`,
      numbers: () => numbers(model, own),
    });
  }

  axes(model, { low, high }, roomy, few, lines) {
    const room = this.figure.room;
    const strips = { range: [-STRIP * few, 0], showticklabels: false, ticks: "", showgrid: false, zeroline: false };
    if (!lines) return [axis({ title: model.data.units.error, low, high, pixels: room.x - (roomy ? roomy - 20 : 0), write: percentLabel }), strips];
    return [
      axis({ title: model.data.units.error, low, high, pixels: room.x - (roomy ? roomy - 20 : 0), write: percentLabel }),
      axis({ title: "networks with a lower error (%)", low: -STRIP * few, high: TOP, pixels: room.y, write: (share) => (share < 0 || share > 1 ? "" : percentLabel(share)), upright: true }),
    ];
  }

  // Names at the right ends of the lines, joined to them by a piece of their colour.
  labels(samples, { high }, few, names) {
    const ended = samples.map((sample) => ({ sample, share: shareBelow(sample, high) })).sort((a, b) => b.share - a.share || sum(a.sample) - sum(b.sample));
    const height = (share) => this.figure.room.y * (1 - (share + STRIP * few) / (TOP + STRIP * few));
    const places = apart(ended.map(({ share }) => height(share)), LABEL, 0, this.figure.room.y);
    return ended.map(({ sample, share }, i) => ({
      x: high, y: share, ax: 26, ay: places[i] - height(share), text: plotlyText(nameText(names[sample.place])), xanchor: "left", align: "left", showarrow: true, arrowhead: 0,
      arrowwidth: 1.5, arrowcolor: sample.space.colour, standoff: 0, font: { size: 11 },
    }));
  }
};

const text = (error) => (error < Infinity ? WRITERS.percent(error) : "failed");
const sum = (sample) => meanError(sample.sorted, 1);
const shareBelow = ({ errors, shares }, high) => shares[errors.findLastIndex((error) => error < high)] ?? 0;

// Of each space its rows that enter a distribution, by error, and their steps.
function samplesOf(model, rows) {
  const groups = model.spaces.map(() => []);
  for (const row of rows) if (model.enters[row]) groups[model.space[row]].push(row);
  return groups.map((own, place) => {
    own.sort((a, b) => model.errors[a] - model.errors[b]);
    const sorted = own.map((row) => model.errors[row]);
    return { place, space: model.spaces[place], rows: own, sorted, ...edf(sorted) };
  }).filter((sample) => sample.n);
}

// Ends of the axis: the whole run's, but for far errors, which are counted.
function rangeOf(samples) {
  const errors = Float64Array.from(samples.flatMap((sample) => sample.sorted.filter((error) => error < Infinity))).sort();
  if (!errors.length) return { low: 0, high: 1, cut: 0 };
  const [low, shown, last] = [errors[0], quantile(errors, SHOWN), errors.at(-1)];
  const span = Math.max(shown - low, 0.05 * shown, 0.001);
  const high = last > shown + 0.3 * span ? shown + 0.08 * span : last + 0.08 * span;
  return { low: low - 0.05 * span, high, cut: errors.length - errors.filter((error) => error < high).length };
}

function line(sample, { low, high }, { opacity, width }) {
  const { errors, shares } = thinned(sample, MOST_STEPS);
  let next = 0;
  const rows = errors.map((error) => {
    while (sample.sorted[next] < error) next++;
    return sample.rows[next];
  });
  return {
    type: "scatter", mode: "lines", x: [Math.min(low, 0), ...errors, Math.max(high, errors.at(-1) ?? 0)], y: [0, ...shares, shares.at(-1) ?? 0], customdata: [null, ...rows, null],
    line: { shape: "hv", color: sample.space.colour, dash: sample.space.dash, width }, opacity, meta: opacity === 0.3 && width < 2 ? "whole" : "edf", name: plotlyText(sample.space.name),
  };
}

// The 95 % band of a space: its whole distribution lies in it, with that confidence.
function band(sample, { low, high }) {
  const { errors, shares } = thinned(sample, MOST_STEPS);
  const reach = bandReach(sample.n);
  const x = [Math.min(low, 0), ...errors, Math.max(high, errors.at(-1))];
  const edge = (move) => [0, ...shares, shares.at(-1)].map((share) => Math.min(1, Math.max(0, share + move)));
  const shared = { type: "scatter", mode: "lines", x, line: { shape: "hv", width: 0, color: sample.space.colour }, meta: "band" };
  return [{ ...shared, y: edge(-reach) }, { ...shared, y: edge(reach), fill: "tonexty", fillcolor: `${sample.space.colour}33` }];
}

// Too few networks for a distribution: each is a dot, on a line of its space below the axis.
function strip(model, sample, height) {
  const rows = sample.rows.filter((row) => model.errors[row] < Infinity);
  return { ...points(rows, (row) => model.errors[row], () => height, { color: sample.space.colour, symbol: sample.space.symbol, size: 9 }), meta: "strip" };
}

// The chosen networks on the lines of their spaces.
function marked(model, samples) {
  const found = samples.filter((sample) => sample.n >= FEW).flatMap((sample) => sample.rows.filter((row) => model.chosen.includes(row) && model.errors[row] < Infinity).map((row) => [row, sample]));
  if (!found.length) return [];
  const below = (row, sample) => sample.sorted.filter((error) => error < model.errors[row]).length / sample.n;
  return [{
    type: "scatter", mode: "markers", x: found.map(([row]) => model.errors[row]), y: found.map(([row, sample]) => below(row, sample)), customdata: found.map(([row]) => row), meta: "chosen",
    marker: { size: 12, color: "rgba(0,0,0,0)", line: { color: pageColour("--ink"), width: 2 } },
  }];
}

function noteOf(samples, { high, cut }) {
  const names = (found) => found.map((sample) => `${nameText(sample.space.name)} (${grouped(sample.n)})`).join(", ");
  const few = samples.filter((sample) => sample.n < FEW && sample.errors.length);
  const failed = samples.filter((sample) => !sample.errors.length);
  const lost = samples.filter((sample) => sample.errors.length && sample.shares.at(-1) < 1 && sample.n >= FEW);
  return [
    cut && `The axis ends at ${text(high)}: ${grouped(cut)} higher ${cut === 1 ? "error lies" : "errors lie"} to its right.`,
    lost.length && `Lines of ${lost.map((sample) => `${nameText(sample.space.name)} (${grouped(sample.n - Math.round(sample.shares.at(-1) * sample.n))} failed)`).join(", ")} end below 100 %.`,
    few.length && `Dots, not lines: ${names(few)} - fewer than ${FEW} networks are no distribution.`,
    failed.length && `No network with a usable error: ${names(failed)}.`,
    samples.length === 0 && "Nothing is selected.",
  ].filter(Boolean).join(" ");
}

function numbers(model, samples) {
  const rows = samples.map(({ space, n, sorted }) => [space.name, grouped(n), WRITERS.percent(meanError(sorted, model.data.guess)), ...[0, 0.25, 0.5, 0.75, 1].map((share) => text(quantile(sorted, share)))]);
  return [["space", "n", "mean", "best", "first quarter", "median", "third quarter", "worst"], rows];
}
