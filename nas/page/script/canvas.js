// Points and lines of a cloud on a canvas over plotly's axes: a selection draws them anew without touching these.

const REACH = 12; // pixels at which a point is meant
const PARTS_OF_MARK = { "line-ew": "M-5.6 0H5.6", "line-ns": "M0-5.6V5.6", "x-thin": "M-4-4 4 4M-4 4 4-4" }; // marks without an inside, for a size of 8

class Canvas {
  // `area()` returns left, top, width and height of the axes in pixels; `at(axis, value)` the place in it, from 0 to 1.
  constructor(plot) {
    this.plot = plot;
    this.sheet = element("canvas", { class: "cloud", "aria-hidden": "true" });
  }

  // Draws all; `axes` are those that plotly was given, `area` what is inside of them.
  draw(traces, shapes, { xaxis, yaxis }, area) {
    this.plot.append(this.sheet);
    Object.assign(this, { traces, place: [across(xaxis, area.width), upwards(yaxis, area.height)], area });
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this.sheet.style, { left: `${area.left}px`, top: `${area.top}px`, width: `${area.width}px`, height: `${area.height}px` });
    Object.assign(this.sheet, { width: Math.round(area.width * ratio), height: Math.round(area.height * ratio) });
    const pen = this.sheet.getContext("2d");
    pen.scale(ratio, ratio);
    for (const shape of shapes) this.rectangle(pen, shape);
    for (const trace of traces) (trace.mode === "lines" ? this.line : this.marks).call(this, pen, trace);
  }

  rectangle(pen, shape) {
    const within = (place, length) => Math.max(-length, Math.min(2 * length, place)); // 0 lies nowhere on a logarithmic axis
    const side = (letter, end, length, to) => (shape[`${letter}ref`]?.endsWith("domain") ? (letter === "x" ? end : 1 - end) * length : within(to(end), length));
    const [x0, x1] = [shape.x0, shape.x1].map((end) => side("x", end, this.area.width, this.place[0]));
    const [y0, y1] = [shape.y0, shape.y1].map((end) => side("y", end, this.area.height, this.place[1]));
    pen.globalAlpha = shape.opacity;
    pen.fillStyle = shape.fillcolor;
    pen.fillRect(x0, y0, x1 - x0, y1 - y0);
    pen.strokeStyle = shape.line.color;
    pen.lineWidth = shape.line.width;
    pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
    pen.globalAlpha = 1;
  }

  line(pen, { x, y, line }) {
    const [across_, up] = this.place;
    pen.beginPath();
    x.forEach((value, i) => {
      if (i && line.shape === "hv") pen.lineTo(across_(value), up(y[i - 1]));
      pen[i ? "lineTo" : "moveTo"](across_(value), up(y[i]));
    });
    pen.strokeStyle = line.color;
    pen.lineWidth = line.width;
    pen.setLineDash((DASHES[line.dash] ?? "").split(" ").filter(Boolean).map(Number));
    pen.stroke();
    pen.setLineDash([]);
  }

  marks(pen, { x, y, marker }) {
    const [across_, up] = this.place;
    const { color, size, symbol = "circle", opacity = 1, line } = marker;
    const open = symbol.endsWith("-open"), name = symbol.replace("-open", "");
    const path = new Path2D(PARTS_OF_MARK[name] ?? SHAPES[name]);
    const stroked = open || name in PARTS_OF_MARK;
    pen.globalAlpha = opacity;
    x.forEach((value, i) => {
      const [px, py] = [across_(value), up(y[i])];
      if (!Number.isFinite(px + py)) return;
      const own = Array.isArray(color) ? color[i] : color;
      pen.save();
      pen.translate(px, py);
      pen.scale(size / 8, size / 8);
      pen.fillStyle = own;
      pen.strokeStyle = line?.color ?? own;
      pen.lineWidth = (line?.width ?? 1) / (size / 8);
      if (!stroked) pen.fill(path);
      if (stroked || line) pen.stroke(path);
      pen.restore();
    });
    pen.globalAlpha = 1;
  }

  // The row of the mark that is nearest to the pointer, if one is near.
  nearest({ clientX, clientY }) {
    if (!this.traces) return undefined;
    const ground = this.sheet.getBoundingClientRect();
    const [px, py] = [clientX - ground.x, clientY - ground.y];
    let [found, least] = [undefined, REACH];
    for (const { x, y, customdata } of this.traces) {
      customdata?.forEach((row, i) => {
        const away = Math.hypot(this.place[0](x[i]) - px, this.place[1](y[i]) - py);
        if (away < least) [found, least] = [row, away];
      });
    }
    return found;
  }
}

// From a value to pixels from the left.
function across({ type, range: [low, high] }, length) {
  const at = type === "log" ? Math.log10 : (value) => value;
  return (value) => (length * (at(value) - low)) / (high - low);
}

// From a value to pixels from above.
function upwards(axis, length) {
  const along = across(axis, length);
  return (value) => length - along(value);
}
