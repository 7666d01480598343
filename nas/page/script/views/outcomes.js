// Outcomes along the trials as stacked bars, and a table of reasons.

const MOST_BARS = 60;
const MOST_GROUPS = 12;
const LOOKS = { completed: ["--accent", ""], pruned: ["--soft", "/"], failed: ["--bad", "x"] };

VIEWS.outcomes = class {
  constructor(box, model) {
    this.trial = model.column("trial");
    const drawing = box.appendChild(element("div", {}));
    this.table = box.appendChild(element("div", {}));
    const onBrush = (found) => model.set("trial", found && draggedRange(found.x));
    this.figure = new Figure(drawing, { height: 210, direction: "h", onBrush: this.trial.numeric ? onBrush : undefined });
  }

  draw(model) {
    const rows = model.selected("trial");
    const kinds = Object.keys(LOOKS).filter((kind) => rows.some((row) => endOf(model, row) === kind));
    const plain = !this.trial.numeric || kinds.length < 2;
    if (plain) this.figure.draw({ none: true, note: inWords(rows.length, kinds) });
    else this.bars(model, rows, kinds);
    this.reasons(model, rows.filter((row) => endOf(model, row) !== "completed"));
  }

  bars(model, rows, kinds) {
    const { values } = this.trial;
    const order = [...rows].sort((a, b) => values[a] - values[b]);
    const parts = stretches(order, (row) => endOf(model, row), MOST_BARS);
    const total = (kind) => rows.filter((row) => endOf(model, row) === kind).length;
    const from = parts.map((part) => values[part.first] - 0.5);
    const widths = parts.map((part, i) => values[part.last] + 0.5 - from[i]);
    const base = parts.map(() => 0);
    const traces = kinds.map((kind) => {
      const [colour, shape] = LOOKS[kind];
      const counts = parts.map((part) => part.counts.get(kind) ?? 0);
      const trace = { type: "bar", x: from, y: counts, base: [...base], width: widths, offset: 0, marker: { color: pageColour(colour), line: { color: pageColour("--card"), width: 1 }, pattern: { shape, size: 6, solidity: 0.25, fillmode: "overlay", fgcolor: pageColour("--card") } }, meta: kind };
      counts.forEach((number, i) => (base[i] += number));
      return trace;
    });
    const [low, high] = [from[0], from.at(-1) + widths.at(-1)];
    const x = labelled(axis({ title: "trial", whole: true, low, high, pixels: this.figure.room.x, write: wholeLabel }));
    const y = labelled(axis({ title: "trials", whole: true, low: 0, high: 1.05 * Math.max(...base), pixels: this.figure.room.y, write: wholeLabel, upright: true }));
    const said = kinds.map((kind) => `${grouped(total(kind))} ${kind}`).join(", ");
    this.figure.draw({
      traces, x, y, shapes: brushShapes(model, ["trial", ""]), note: `From below: ${said}.`, name: `Outcomes along the trials: ${said}`,
      numbers: () => [["trials", ...kinds], parts.map((part) => [`${this.trial.text(part.first)} to ${this.trial.text(part.last)}`, ...kinds.map((kind) => grouped(part.counts.get(kind) ?? 0))])],
    });
  }

  // Reasons of what didn't complete, each with a button to its first training.
  reasons(model, rows) {
    this.table.replaceChildren();
    if (!rows.length) return;
    const text = (name) => (row) => model.column(name)?.at(row) ?? "";
    const groups = reasons(rows, text("outcome"), text("message"));
    const lines = groups.slice(0, MOST_GROUPS).map((group) => [
      model.column("outcome").text(group.rows[0]), isolate(reasonText(model, group)), grouped(group.rows.length), this.example(model, group.rows[0]),
    ]);
    this.table.append(element("h3", {}, "Why?"), smallTable(["outcome", "reason", "trials", "the first"], lines, 2));
    if (groups.length > MOST_GROUPS) this.table.append(element("p", { class: "note" }, `${grouped(groups.length - MOST_GROUPS)} rarer reasons aren't listed; the table of all trials has them.`));
    for (const cell of this.table.querySelectorAll("td:nth-child(2)")) cell.classList.add("reason");
  }

  example(model, row) {
    const button = element("button", { type: "button", class: "link" }, `trial ${this.trial.text(row)}`);
    button.addEventListener("click", (event) => model.choose(row, { beside: event.shiftKey }));
    return button;
  }
};

const isolate = (text) => element("bdi", {}, text);

function reasonText(model, group) {
  const known = Object.hasOwn(model.data.outcomes, group.outcome) ? model.data.outcomes[group.outcome] : "";
  const said = group.text && (group.same ? group.text : `such as: ${group.text}`);
  return [known, said].filter(Boolean).join("; ") || "no reason is stored";
}

function inWords(number, kinds) {
  if (!number) return "Nothing is selected.";
  const ways = { completed: "reached its last epoch", pruned: "was pruned", failed: "failed" };
  return kinds.length === 1 ? `Each of ${plural(number, "training")} ${ways[kinds[0]]}.` : "";
}
