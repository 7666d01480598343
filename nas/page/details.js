// The panel with everything that is known of one trial.

class Details {
  constructor(panel) {
    this.panel = panel;
    this.title = panel.querySelector("h2");
    this.content = panel.querySelector(".content");
    panel.querySelector(".close").addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && panel.open) this.close();
    });
  }

  open(report, place) {
    if (!this.panel.open) this.before = document.activeElement;
    this.title.textContent = `Trial ${textOf(report, place, "trial")}`;
    this.content.replaceChildren(
      this.ending(report, place), this.values(report, place), ...this.curve(report, place), ...this.layers(report, place));
    this.content.scrollTop = 0;
    if (!this.panel.open) this.panel.show();
    this.panel.querySelector(".close").focus();
    this.mark(place);
  }

  close() {
    this.panel.close();
    this.mark(null);
    this.before?.focus?.();
  }

  mark(place) {
    for (const row of document.querySelectorAll("[data-row]")) {
      row.classList.toggle("open", place !== null && row.dataset.row === String(place));
    }
  }

  ending(report, place) {
    const outcome = valueOf(report, place, "outcome");
    const failed = valueOf(report, place, "error") === null;
    const said = valueOf(report, place, "message");
    const words = report.outcomes[outcome] ?? textOf(report, place, "outcome");
    const space = valueOf(report, place, "space");
    const box = element("p", { class: failed ? "ending failed" : "ending" });
    box.append(swatch(report, space), element("strong", {}, failed ? textOf(report, place, "outcome") : textOf(report, place, "error")));
    box.append(` ${failed ? "" : "validation error, "}${words}${said ? `: ${said}` : ""}`);
    return box;
  }

  values(report, place) {
    const list = element("dl", { class: "values" });
    report.columns.forEach((column, index) => {
      const value = report.rows[place][index];
      if (value === null || value === "") return;
      list.append(element("dt", { title: column.note }, column.title), element("dd", {}, exact(column, value)));
    });
    return list;
  }

  curve(report, place) {
    const epochs = report.curves[place];
    if (!epochs?.length) return [];
    const rows = epochs.map(([number, loss, error, seconds]) => [
      String(number),
      loss === null ? NOTHING : loss.toPrecision(4),
      error === null ? NOTHING : WRITERS.percent(error),
      seconds === null ? NOTHING : duration(seconds),
    ]);
    return [element("h3", {}, "Training"), this.table(["epoch", report.units.loss, "validation error", "time"], rows, 0)];
  }

  layers(report, place) {
    const layers = report.layers[place];
    if (!layers?.length) return [];
    const rows = layers.map(([part, kind, settings, times, shape, parameters, multiplyAdds]) => [
      part, `${kind} ${settings}`.trim(), `×${grouped(times)}`, shape, count(parameters), count(multiplyAdds),
    ]);
    const names = ["part", "layer", "times", "output", "parameters", "multiply-adds"];
    return [element("h3", {}, "Layers"), this.table(names, rows, 2)];
  }

  // A small table; from the column `numbers` on, cells are aligned to the right.
  table(names, rows, numbers) {
    const kind = (index) => ({ class: index >= numbers ? "number" : "" });
    const head = element("tr", {}, ...names.map((name, index) => element("th", { scope: "col", ...kind(index) }, name)));
    const body = rows.map((row) => element("tr", {}, ...row.map((text, index) => element("td", kind(index), text))));
    const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
    return element("div", { class: "scroll" }, table);
  }
}
