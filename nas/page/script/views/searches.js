// What searches had found after so much compute: a step line for each strategy, with the band of its mean.

const LOGARITHMIC = 5; // highest over lowest mean from which the measure's axis is logarithmic

VIEWS.searches = class {
  constructor(box, model) {
    Object.assign(this, { place: Number(box.dataset.measure), hears: [] });
    this.figure = new Figure(box, { height: 380 });
    const entries = model.data.searches[this.place].curves.map((curve) => element("span", {}, swatch(model.spaces.find((space) => space.name === curve.name), true), ` ${curve.name} (${grouped(curve.n)})  `));
    box.prepend(element("p", { class: "note" }, ...entries));
  }

  draw(model) {
    const { title, compute, curves } = model.data.searches[this.place];
    const [low, high] = heights(curves);
    const log = low > 0 && high / low > LOGARITHMIC;
    const spent = curves[0].spent;
    const mark = (curve) => model.spaces.find((space) => space.name === curve.name);
    const line = (curve, y, more) => ({ type: "scatter", mode: "lines", x: curve.spent, y, line: { shape: "hv", width: 0, color: mark(curve).colour }, ...more });
    const banded = curves.filter((curve) => curve.low.every((end) => end !== null));
    const inside = (values) => values.map((value) => Math.min(Math.max(value, low), high));
    const traces = [
      ...banded.flatMap((curve) => [line(curve, inside(curve.low), { meta: "band" }), line(curve, inside(curve.high), { meta: "band", fill: "tonexty", fillcolor: `${mark(curve).colour}29` })]),
      ...curves.map((curve) => line(curve, curve.mean, { meta: "mean", line: { shape: "hv", width: 2.5, color: mark(curve).colour, dash: mark(curve).dash } })),
    ];
    const room = this.figure.room;
    this.figure.draw({
      traces,
      x: axis({ title: compute, low: spent[0], high: spent.at(-1), pixels: room.x, write: numberLabel }),
      y: axis({ title: "%", low, high, log, pixels: room.y, write: percentLabel, upright: true }),
      name: `${title}: ${curves.map((curve) => `${curve.name} ${WRITERS.percent(curve.mean.at(-1))} in the end`).join("; ")}`,
      numbers: () => [["strategy", "at first", "halfway", "in the end"], curves.map((curve) => [curve.name, ...[0, 0.5, 1].map((share) => WRITERS.percent(curve.mean[Math.floor(share * (curve.mean.length - 1))]))])],
    });
  }
};

// Ends of the measure's axis: all means, and bands half as far again, so that wide ones don't flatten the rest.
function heights(curves) {
  const known = (name) => curves.flatMap((curve) => curve[name]).filter((value) => value !== null);
  const [least, most] = [Math.min(...known("mean")), Math.max(...known("mean"))];
  const span = most - least || Math.max(most, 0.01);
  const low = Math.max(Math.min(least, ...known("low")), least - span / 2, least / 2);
  const high = Math.min(Math.max(most, ...known("high")), most + span / 2);
  return [low, high > low ? high : low + span];
}
