// How trainings ended: what each row counts as, reasons in groups, and the best so far.

// "completed", "pruned" or "failed".
function endOf(model, row) {
  if (model.column(ERROR).at(row) !== null) return "completed";
  return model.column("outcome").at(row) === "pruned" ? "pruned" : "failed";
}

// Rows, in their order, that have a lower error than all before.
function bestSoFar(order, errors) {
  const found = [];
  for (const row of order) if (errors[row] < (found.length ? errors[found.at(-1)] : Infinity)) found.push(row);
  return found;
}

// An axis without the marks that have no text, such as halves of a trial.
function labelled(made) {
  const kept = made.ticktext.map((text, i) => (text ? i : -1)).filter((i) => i >= 0);
  return { ...made, tickvals: kept.map((i) => made.tickvals[i]), ticktext: kept.map((i) => made.ticktext[i]) };
}

const wholeLabel = (value) => (value % 1 || value < 0 ? "" : grouped(value));
const epochLabel = (value) => (value < 1 ? "" : wholeLabel(value));

const pattern = (message) => message.replace(/[-+]?\d[\d.,]*(e[-+]?\d+)?/g, "…");

// Groups of outcome and message that differ in numbers only, the most frequent first: outcome, message, example, rows.
function reasons(rows, outcome, message) {
  const groups = new Map();
  for (const row of rows) {
    const text = message(row);
    const key = JSON.stringify([outcome(row), pattern(text)]);
    const group = groups.get(key) ?? { outcome: outcome(row), text, same: true, rows: [] };
    group.same &&= group.text === text;
    group.rows.push(row);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.rows.length - a.rows.length);
}

// Counts of each kind in at most so many stretches of equally many trials.
function stretches(order, kind, most) {
  const size = Math.max(1, Math.ceil(order.length / most));
  return Array.from({ length: Math.ceil(order.length / size) }, (_, i) => {
    const rows = order.slice(i * size, (i + 1) * size);
    const counts = new Map();
    for (const row of rows) counts.set(kind(row), (counts.get(kind(row)) ?? 0) + 1);
    return { first: rows[0], last: rows.at(-1), counts };
  });
}
