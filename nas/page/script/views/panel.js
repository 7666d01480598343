// The panel with everything that is known of the network that was chosen last.

VIEWS.panel = class {
  constructor(box, model) {
    Object.assign(this, { box, hears: ["chosen"], title: box.querySelector("h2"), content: box.querySelector(".content") });
    box.querySelector(".close").addEventListener("click", () => model.chosen.length && model.release());
    document.addEventListener("keydown", (event) => event.key === "Escape" && box.open && model.chosen.length && model.release());
  }

  draw(model) {
    const row = model.chosen.at(-1);
    if (row === undefined) this.close();
    else this.open(model, row);
  }

  open(model, row) {
    this.title.textContent = `Trial ${model.column("trial").text(row)}`;
    this.content.replaceChildren(this.ending(model, row), this.values(model, row), ...this.curve(model, row), ...this.layers(model, row));
    this.content.scrollTop = 0;
    if (this.box.open) return;
    this.before = document.activeElement;
    this.box.show();
    this.box.querySelector(".close").focus();
  }

  close() {
    if (!this.box.open) return;
    this.box.close();
    this.before?.focus?.();
  }

  ending(model, row) {
    const text = (name) => model.column(name)?.text(row);
    const failed = model.column(ERROR).at(row) === null;
    const outcome = model.column("outcome").at(row);
    const words = Object.hasOwn(model.data.outcomes, outcome) ? model.data.outcomes[outcome] : text("outcome");
    const said = model.column("message")?.at(row);
    const box = element("p", { class: failed ? "ending failed" : "ending" });
    box.append(swatch(model.spaces[model.space[row]]), element("strong", {}, failed ? text("outcome") : text(ERROR)));
    box.append(` ${failed ? "" : "validation error, "}${words}${said ? `: ${said}` : ""}`);
    return box;
  }

  values(model, row) {
    const list = element("dl", { class: "values" });
    for (const column of model.columns.values()) {
      const value = column.at(row);
      if (value !== null) list.append(element("dt", { title: column.note }, column.title), element("dd", {}, element("bdi", {}, exact(column, value))));
    }
    return list;
  }

  curve(model, row) {
    const epochs = model.data.curves[row];
    if (!epochs?.length) return [];
    const rows = epochs.map(([number, loss, error, seconds]) => [
      String(number), loss === null ? NOTHING : loss.toPrecision(4), error === null ? NOTHING : WRITERS.percent(error), seconds === null ? NOTHING : duration(seconds),
    ]);
    return [element("h3", {}, "Training"), smallTable(["epoch", model.data.units.loss, "validation error", "time"], rows, 0)];
  }

  layers(model, row) {
    const layers = model.data.layers[row];
    if (!layers?.length) return [];
    const rows = layers.map(([part, kind, settings, times, shape, parameters, multiplyAdds]) => [
      part, `${kind} ${settings}`.trim(), `×${grouped(times)}`, shape, count(parameters), count(multiplyAdds),
    ]);
    return [element("h3", {}, "Layers"), smallTable(["part", "layer", "times", "output", "parameters", "multiply-adds"], rows, 2)];
  }
};
