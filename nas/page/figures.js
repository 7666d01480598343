// Draws the figures that Python made: fills in hover texts and the colours of light or dark.

const LONGEST_LINE = 46;
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const line = (text) => escaped(text.length > LONGEST_LINE ? `${text.slice(0, LONGEST_LINE - 1)}…` : text);

// What is known of a network in a few lines; plotly reads a little HTML, so names are escaped.
function networkText(report, place) {
  const text = (name) => textOf(report, place, name);
  const known = (name, unit) => (valueOf(report, place, name) === null ? [] : [`${text(name)} ${unit}`]);
  const failed = valueOf(report, place, "error") === null;
  const attributes = report.hover
    .map((index) => [report.columns[index], report.rows[place][index]])
    .filter(([, value]) => value !== null)
    .map(([column, value]) => line(`${column.title}: ${written(column, value)}`));
  return [
    `<b>trial ${escaped(text("trial"))} · ${failed ? escaped(text("outcome")) : `${text("error")} error`}</b>`,
    line(text("space")),
    ...attributes,
    [...known("parameters", "parameters"), ...known("multiply_adds", "multiply-adds")].join(", "),
    [...known("seconds", "of training"), failed ? "no error" : escaped(text("outcome"))].join(", "),
    `<i>${line(text("architecture"))}</i>`,
  ].filter(Boolean).join("<br>");
}

function hoverText(report, trace, place, index) {
  if (place === null || place === undefined) return "";
  const y = trace.y[index];
  if (trace.meta === "edf") return `${y.toFixed(1)} % of the space reach this error<br>${networkText(report, place)}`;
  if (trace.meta !== "curve") return networkText(report, place);
  const epoch = report.curves[place][index];
  const error = epoch[2] === null ? NOTHING : WRITERS.percent(epoch[2]);
  const loss = epoch[1] === null ? NOTHING : epoch[1].toPrecision(3);
  return `after epoch ${epoch[0]}: error ${error}, loss ${loss}<br>${networkText(report, place)}`;
}

// The trace with its hover texts; in a narrow legend the numbers of a space stand on a second line.
function readyTrace(report, trace, narrow) {
  const type = trace.type === "scattergl" && !webgl() ? "scatter" : trace.type;
  const name = narrow && trace.meta === "edf" ? trace.name.replace(": n ", ":<br>n ") : trace.name;
  if (trace.hoverinfo !== "text") return { ...trace, type };
  const text = trace.customdata.map((place, index) => hoverText(report, trace, place, index));
  return { ...trace, type, name, text };
}

const NARROW = 560;
const webgl = () => Boolean(document.createElement("canvas").getContext("webgl"));
const pageColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function readyLayout(layout, narrow) {
  const axis = { gridcolor: pageColour("--line"), linecolor: pageColour("--soft"), tickcolor: pageColour("--soft") };
  return {
    ...layout,
    height: layout.height + (narrow ? 60 : 0),
    font: { ...layout.font, color: pageColour("--ink"), size: narrow ? 12 : layout.font.size },
    legend: { ...layout.legend, font: { size: narrow ? 11 : 12 } },
    hoverlabel: {
      ...layout.hoverlabel,
      bgcolor: pageColour("--card"),
      bordercolor: pageColour("--soft"),
      font: { color: pageColour("--ink"), size: 12 },
    },
    modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: pageColour("--soft"), activecolor: pageColour("--accent") },
    xaxis: { ...layout.xaxis, ...axis },
    yaxis: { ...layout.yaxis, ...axis },
  };
}

// Draws one figure in the choice of its menu, or again after a change of colours.
function draw(report, box, open) {
  const choices = report.figures[box.dataset.figure];
  const menu = box.closest(".card").querySelector("select");
  const figure = choices[menu ? menu.value : Object.keys(choices)[0]];
  const narrow = box.clientWidth < NARROW;
  const traces = figure.data.map((trace) => readyTrace(report, trace, narrow));
  const done = Plotly.react(box, traces, readyLayout(figure.layout, narrow), report.config);
  if (!box.dataset.listens) {
    box.dataset.listens = "yes";
    box.on("plotly_click", (event) => openPoint(event.points, open));
  }
  return done;
}

function openPoint(points, open) {
  const place = points.map((point) => point.customdata).find((value) => typeof value === "number");
  if (place !== undefined) open(place);
}

// Curves of one network before those of the others; of all alike without a place.
function emphasise(boxes, place) {
  for (const box of boxes) {
    const shown = (box.data ?? []).map((trace, index) => [trace, index]).filter(([trace]) => trace.meta === "curve");
    const strength = ([trace]) => (place === null ? 0.85 : trace.customdata[0] === place ? 1 : 0.15);
    if (shown.length) Plotly.restyle(box, { opacity: shown.map(strength) }, shown.map(([, index]) => index));
  }
}
