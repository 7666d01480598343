// Two dimensions at once: a table of shaded cells, each with the median error of the selected networks in it.

const MOST_CELLS = 8; // of a row or a column, but for those of what isn't there
const STRONGEST = 46; // percent of the accent in the cell of the lowest error: its text stays readable

VIEWS.pairs = class {
  constructor(box, model) {
    this.model = model;
    const columns = axesOf(model).filter((column) => column.name !== ERROR);
    const first = firstAxes(model).filter((column) => column.name !== ERROR);
    this.menus = ["Columns", "Rows"].map((label, i) => {
      const menu = element("select", { "aria-label": label }, ...columns.map((column) => element("option", { value: column.name }, column.title)));
      menu.value = (first[i] ?? columns[i])?.name ?? "";
      menu.addEventListener("change", () => this.draw(model));
      return menu;
    });
    this.scroll = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Median error by two columns" });
    this.note = element("p", { class: "note says" });
    this.hears = ["selection"];
    box.append(element("div", { class: "tools" }, element("label", {}, "Columns: ", this.menus[0]), element("label", {}, "rows: ", this.menus[1])), this.scroll, this.note);
  }

  draw(model) {
    const [across, down] = this.menus.map((menu) => model.column(menu.value));
    if (!across || !down) return;
    const [columns, rows] = [across, down].map((column) => binsOf(column, MOST_CELLS));
    const found = cellsOf([...model.mask.keys()].filter((row) => model.mask[row]), columns, rows, model.errors);
    const medians_ = [...found.values()].map((cell) => cell.median).filter((error) => error < Infinity);
    const [low, high] = [Math.min(...medians_), Math.max(...medians_)];
    const shade = (error) => Math.round(high > low ? (STRONGEST * (high - error)) / (high - low) : STRONGEST / 2);
    const head = element("tr", {}, element("td", {}), ...columns.labels.map((label) => element("th", { scope: "col" }, label)));
    const body = rows.labels.map((label, y) => element("tr", {}, element("th", { scope: "row" }, label), ...columns.labels.map((_, x) => this.cell(found.get(`${x} ${y}`), shade, `${across.title} ${columns.labels[x]}, ${down.title} ${label}`)))).reverse();
    const name = `Median error in percent, and how many ${model.data.unit}s it is of: ${across.title} to the right, ${down.title} upwards`;
    this.scroll.replaceChildren(element("table", { class: "cells", "aria-label": name }, element("thead", {}, head), element("tbody", {}, ...body)));
    this.note.textContent = [
      medians_.length ? `${across.title} to the right, ${down.title} upwards; in each cell the median error (%) and how many ${model.data.unit}s it is of. The stronger the colour, the lower the median: from ${WRITERS.percent(low)} to ${WRITERS.percent(high)}. Failures count as the worst.` : `No selected ${model.data.unit} has an error.`,
      axesLeftOut(model),
      model.selecting && `${grouped(model.selectedRows)} of ${grouped(model.rows)} ${model.data.unit}s are selected, and counted here.`,
    ].filter(Boolean).join(" ");
  }

  cell(found, shade, place) {
    if (!found) return element("td", { class: "empty" }, element("span", { class: "unseen" }, `no ${this.model.data.unit}`));
    const { rows, failed, median: middle } = found;
    const made = element("td", {}, element("strong", {}, middle < Infinity ? minus((100 * middle).toFixed(1)) : "failed"), " ", element("small", {}, grouped(rows.length)));
    if (middle < Infinity) made.style.setProperty("--shade", `${shade(middle)}%`);
    const best = Math.min(...rows.map((row) => this.model.errors[row]));
    const lines = [
      place, `${plural(rows.length, this.model.data.unit)}${failed ? `, ${grouped(failed)} without a usable error` : ""}`,
      ...(middle < Infinity ? [`median error ${WRITERS.percent(middle)}`] : []), ...(best < Infinity ? [`lowest error ${WRITERS.percent(best)}`] : []),
    ];
    made.addEventListener("pointermove", (event) => tip.show(event, lines));
    made.addEventListener("pointerleave", () => tip.hide());
    return made;
  }
};
