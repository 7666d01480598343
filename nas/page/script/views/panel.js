// Up to four chosen networks side by side: picture, rank, curve, values, layers, source, and the lines that bring one home.

let owner = null; // the view whose networks the dialog holds: each run of a page has its own

VIEWS.panel = class {
  constructor(box, model) {
    Object.assign(this, { box, hears: ["chosen"], title: box.querySelector("h2"), content: box.querySelector(".content"), differing: false });
    const release = () => owner === this && model.release();
    box.querySelector(".close").addEventListener("click", release);
    document.addEventListener("keydown", (event) => event.key === "Escape" && box.open && release());
  }

  draw(model) {
    if (model.chosen.length) this.open(model, model.chosen);
    else this.close();
  }

  open(model, rows) {
    const many = rows.length > 1;
    this.title.textContent = many ? plural(rows.length, "network") : `Trial ${trialOf(model, rows[0])}`;
    this.box.style.setProperty("--networks", rows.length);
    const beside = element("div", { class: "beside" }, ...this.heads(model, rows));
    const values = element("div", { class: "compared" });
    const parts = [beside, ...this.curves(model, rows), ...lines(model, rows), values, ...rows.flatMap((row) => [...layers(model, row, many), ...source(model, row, many)])];
    this.values(model, rows, values);
    this.content.replaceChildren(...parts.filter(Boolean));
    this.content.scrollTop = 0;
    owner = this;
    if (!this.box.open) {
      this.before = document.activeElement;
      this.box.show();
      this.box.querySelector(".close").focus();
    }
    this.figure?.();
  }

  close() {
    if (!this.box.open) return;
    this.box.close();
    owner = null;
    this.before?.focus?.();
  }

  // What a reader wants first of each network.
  heads(model, rows) {
    const steps = rows.map((row) => stairsOf(model, row));
    const known = steps.filter((each) => each.length);
    const scale = known.length ? stairsScale(known) : null;
    return rows.map((row, i) => {
      const space = model.spaces[model.space[row]];
      const head = element("section", { class: "network", "aria-label": `Trial ${trialOf(model, row)}` });
      if (rows.length > 1) head.append(this.putAway(model, row));
      head.append(ending(model, row), element("p", { class: "of" }, swatch(space), element("bdi", {}, space.name)));
      if (steps[i].length) head.append(stairsPicture(steps[i], scale, space.colour));
      const rank = rankText(model, row);
      if (rank) head.append(element("p", { class: "note" }, rank));
      return head;
    });
  }

  putAway(model, row) {
    const button = element("button", { type: "button", class: "close", "aria-label": `Put trial ${trialOf(model, row)} away` }, "×");
    button.addEventListener("click", () => {
      model.release(row);
      this.box.querySelector(".close").focus();
    });
    return element("h3", {}, `Trial ${trialOf(model, row)}`, button);
  }

  curves(model, rows) {
    this.figure = null;
    const drawn = rows.filter((row) => model.data.curves[row]?.length > 1);
    const short = rows.filter((row) => model.data.curves[row]?.length === 1);
    const parts = [];
    if (drawn.length) {
      const box = element("div", { class: "figure" });
      const figure = new Figure(box, { height: 230 });
      this.figure = () => drawCurves(model, drawn, figure);
      parts.push(element("h3", {}, "How did the error fall?"), box);
    }
    if (short.length) parts.push(element("p", { class: "note" }, short.map((row) => oneEpoch(model, row)).join(" ")));
    return parts;
  }

  // All columns, one network beside the other; on demand only those in which they differ.
  values(model, rows, box) {
    const columns = [...model.columns.values()].filter((column) => rows.some((row) => column.at(row) !== null));
    const shown = columns.filter((column) => !this.differing || new Set(rows.map((row) => column.at(row))).size > 1);
    const head = element("tr", {}, element("td", {}), ...rows.map((row) => element("th", { scope: "col" }, `trial ${trialOf(model, row)}`)));
    const body = shown.map((column) => element("tr", {}, element("th", { scope: "row", title: column.note }, column.title), ...rows.map((row) => element("td", {}, element("bdi", {}, exact(column, column.at(row)))))));
    const table = element("table", { class: "values-of" }, ...(rows.length > 1 ? [element("thead", {}, head)] : []), element("tbody", {}, ...body));
    box.replaceChildren(element("h3", {}, "Values"), element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Values" }, table));
    if (rows.length > 1) box.querySelector("h3").after(this.differences(model, rows, box));
  }

  differences(model, rows, box) {
    const check = element("input", { type: "checkbox" });
    check.checked = this.differing;
    check.addEventListener("change", () => {
      this.differing = check.checked;
      this.values(model, rows, box);
      box.querySelector("input").focus();
    });
    return element("label", { class: "only" }, check, " only what differs");
  }
};

const trialOf = (model, row) => model.column("trial").text(row);

function ending(model, row) {
  const text = (name) => model.column(name)?.text(row);
  const failed = model.column(ERROR).at(row) === null;
  const outcome = model.column("outcome").at(row);
  const words = Object.hasOwn(model.data.outcomes, outcome) ? model.data.outcomes[outcome] : text("outcome");
  const said = model.column("message")?.at(row);
  const place = standingOf(model, row);
  const sure = place && place.half === place.half ? ` ± ${(100 * place.half).toFixed(2)} %` : " %";
  const headline = failed ? text("outcome") : (place?.trainings > 1 ? WRITERS.percent(place.mean) : text(ERROR)).replace(/ %$/, sure);
  const box = element("p", { class: failed ? "ending failed" : "ending" }, element("strong", {}, headline));
  box.append(` ${failed ? "" : place?.trainings > 1 ? `mean validation error of ${place.trainings} trainings, ` : "validation error, "}`, element("bdi", {}, `${words}${said ? `: ${said}` : ""}`));
  return box;
}

// Rank and what it is worth, in a sentence or two.
function rankText(model, row) {
  const place = standingOf(model, row);
  if (!place) return "";
  const text = `Rank ${grouped(place.rank)} of ${plural(place.of, "network")} of its space with a usable error.`;
  if (place.half !== place.half || place.of === 1) return text;
  const from = [model.data.validating && `${grouped(model.data.validating)} validation images`, place.trainings > 1 && `${place.trainings} seeds`].filter(Boolean).join(" and ");
  const span = place.best === place.worst ? "no other network lies within it" : `ranks ${grouped(place.best)} to ${grouped(place.worst)} lie within it`;
  return `${text} Its error is known to ± ${(100 * place.half).toFixed(2)} points by ${from}: ${span}.${place.trainings > 1 ? "" : " Another seed adds to that."}`;
}

function oneEpoch(model, row) {
  const [[number, loss, error, seconds]] = model.data.curves[row];
  const known = [error !== null && `an error of ${WRITERS.percent(error)}`, loss !== null && `a training loss of ${loss.toPrecision(4)}`, seconds !== null && `after ${duration(seconds)}`].filter(Boolean);
  return `Trial ${trialOf(model, row)} has one epoch (number ${number}): ${known.join(", ")}.`;
}

function drawCurves(model, rows, figure) {
  const { curves, units } = model.data;
  const errors = rows.flatMap((row) => curves[row].map((epoch) => epoch[2])).filter((value) => value !== null);
  if (!errors.length) return;
  const last = Math.max(...rows.map((row) => curves[row].at(-1)[0]));
  const log = Math.min(...errors) > 0 && Math.max(...errors) > 4 * Math.min(...errors);
  const [low, high] = padded(Math.min(...errors), Math.max(...errors), log, 0.12, 0.04);
  const x = labelled(axis({ title: "epoch", whole: true, low: 1 - 0.03 * last, high: 1.09 * last, pixels: figure.room.x, write: (value) => (value > last ? "" : epochLabel(value)) }));
  const y = axis({ title: units.error, low, high, log, pixels: figure.room.y, write: percentLabel, upright: true });
  const traces = rows.map((row, i) => {
    const space = model.spaces[model.space[row]];
    return { type: "scatter", mode: "lines+markers", x: curves[row].map((epoch) => epoch[0]), y: curves[row].map((epoch) => epoch[2]), line: { color: space.colour, width: 2, dash: ["solid", "dash", "dot", "dashdot"][i] }, marker: { symbol: space.symbol, size: 5 }, meta: "curve" };
  });
  const names = curveNames(model, rows, 2, { low, high, log, room: figure.room.y });
  figure.draw({
    traces, x, y, annotations: rows.length > 1 ? names : [], name: `Validation error after each epoch of ${rows.length > 1 ? plural(rows.length, "network") : `trial ${trialOf(model, rows[0])}`}`,
    numbers: () => [["trial", "epoch", units.loss, "validation error", "time"], rows.flatMap((row) => curves[row].map((epoch) => [trialOf(model, row), ...epochCells(epoch)]))],
  });
}

const epochCells = ([number, loss, error, seconds]) => [
  String(number), loss === null ? NOTHING : loss.toPrecision(4), error === null ? NOTHING : WRITERS.percent(error), seconds === null ? NOTHING : duration(seconds),
];

// Commands that fetch a network from the run's folder, and the line that loads it; nothing for tables.
function lines(model, rows) {
  const { folder } = model.data;
  const trained = rows.filter((row) => model.column("outcome").at(row) === "completed");
  if (!folder || !trained.length) return [];
  const export_ = (row) => lineToCopy(`nas export ${folder} --trial ${trialOf(model, row)} -o trial_${trialOf(model, row)}`);
  const load = (row) => lineToCopy(`model = nas.load("trial_${trialOf(model, row)}")`);
  const note = element("p", { class: "note" }, "In a shell, then in Python; weights that weren't kept are trained again from their seed.");
  return [element("h3", {}, "To use it"), note, ...trained.flatMap((row) => [export_(row), load(row)])];
}

// The layer table where it is embedded, else the command that prints it.
function layers(model, row, many) {
  const { layers: tables, folder } = model.data;
  const title = many ? `Layers of trial ${trialOf(model, row)}` : "Layers";
  if (tables[row]?.length) {
    const cells = tables[row].map(([part, kind, settings, times, shape, parameters, multiplyAdds]) => [
      part, `${kind} ${settings}`.trim(), `×${grouped(times)}`, shape, count(parameters), count(multiplyAdds),
    ]);
    const table = smallTable(["part", "layer", "times", "output", "parameters", "multiply-adds"], cells, 2);
    const folded = element("details", {}, element("summary", {}, title), table);
    folded.open = !many;
    return [folded];
  }
  if (!folder) return [];
  const own = stairsOf(model, row).length ? [] : [element("p", { class: "note" }, "The run's study, or the space that it searched, doesn't ship with nas: where weights weren't kept, the commands ask for it (--study).")];
  return [element("h3", {}, title), lineToCopy(`nas describe ${folder} --trial ${trialOf(model, row)}`), ...own];
}

// The network in plain torch where it is embedded, else the command that writes it, with its weights beside it.
function source(model, row, many) {
  const { sources, folder } = model.data;
  const title = many ? `Source of trial ${trialOf(model, row)}` : "Source";
  const text = sources[row];
  if (text) {
    const code = element("pre", { tabindex: "0", role: "region", "aria-label": title }, text);
    return [element("details", { class: "source" }, element("summary", {}, title), copyButton(text, code), code)];
  }
  const trained = model.column("outcome").at(row) === "completed";
  return folder && trained ? [element("h3", {}, title), lineToCopy(`nas export ${folder} --trial ${trialOf(model, row)} -o trial_${trialOf(model, row)}.py`)] : [];
}
