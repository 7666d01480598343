// The legend of all views: a check box for each space, how many are selected, what ends the selection, and the colour.

VIEWS.legend = class {
  constructor(box, model) {
    Object.assign(this, { model, hears: ["selection", "colour"] });
    this.entries = model.spaces.map((space, place) => this.entry(space, place));
    this.state = element("output", {});
    this.end = element("button", { type: "button", class: "quiet" }, "show all");
    this.end.addEventListener("click", () => model.clear());
    const longest = Math.min(40, Math.max(...model.spaces.map((space) => space.name.length), 1));
    box.style.setProperty("--entry", `calc(${longest}ch + 17.5rem)`);
    box.append(element("div", { class: "entries", role: "group", "aria-label": "Spaces" }, ...this.entries.map((each) => each.label)), element("div", { class: "state" }, this.state, this.end, ...this.colours(model)));
  }

  // The menu of columns that colour points and lines, and what the colours mean.
  colours(model) {
    const columns = axesOf(model).filter(({ name }) => name !== SPACE);
    this.menu = element("select", {}, option({ name: SPACE, title: "space" }), ...columns.map(option));
    this.menu.addEventListener("change", () => model.colourBy(this.menu.value === SPACE ? null : this.menu.value));
    this.key = element("span", { class: "key" });
    return columns.length ? [element("label", { class: "colour", title: "Of points and lines, in clouds and combinations" }, "Colour ", this.menu), this.key] : [];
  }

  entry(space, place) {
    const input = element("input", { type: "checkbox" });
    const numbers = element("span", { class: "numbers" });
    const label = element("label", {}, input, swatch(space, true), element("bdi", { title: space.name }, space.name.trim() || "(blank)"), numbers);
    input.addEventListener("change", () => this.keep());
    for (const event of ["pointerenter", "focusin"]) label.addEventListener(event, () => this.model.point(place));
    for (const event of ["pointerleave", "focusout"]) label.addEventListener(event, () => this.model.point());
    return { label, input, numbers };
  }

  keep() {
    const kept = this.model.spaces.filter((_, place) => this.entries[place].input.checked).map((space) => space.name || null);
    this.model.set(SPACE, kept.length === this.model.spaces.length ? null : new Set(kept));
  }

  draw(model) {
    const filter = model.filters.get(SPACE);
    this.entries.forEach(({ label, input, numbers }, place) => {
      const { all, selected, n, failures, mean } = model.counts[place];
      const level = n === 0 ? "" : failures === n ? ", all failed" : `, mean ${WRITERS.percent(mean)}`;
      input.checked = !filter || filter.has(model.spaces[place].name || null);
      label.classList.toggle("off", !input.checked);
      label.classList.toggle("none", !selected);
      numbers.textContent = `${selected < all ? `${grouped(selected)} of ` : ""}${grouped(all)}${level}`;
    });
    this.state.textContent = model.selecting ? `Selected by looking: ${grouped(model.selectedRows)} of ${counted(model)}` : `${counted(model)}; dragging over a figure selects`;
    this.end.disabled = !model.selecting;
    const colour = model.colour ?? SPACE;
    if (![...this.menu.options].some(({ value }) => value === colour)) this.menu.append(option(model.column(colour)));
    this.menu.value = colour;
    this.key.replaceChildren(...colouring(model).key());
  }
};

const option = ({ name, title }) => element("option", { value: name }, title);
