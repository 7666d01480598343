// Columns cut into a few pieces, and networks counted in the cells of two of them.

const ALL_OTHERS = "other";

// At most so many pieces with labels: `place(row)` is a row's; what isn't there has a piece of its own, the last one.
function binsOf(column, most) {
  const { labels, place } = column.numeric ? numericBins(column, most) : textBins(column, most);
  if (!absences(column)) return { labels, place };
  return { labels: [...labels, absentWord(column)], place: (row) => (column.at(row) === null ? labels.length : place(row)) };
}

// Few different numbers have a piece each; others are cut at round places, the far ones in the last pieces.
function numericBins(column, most) {
  const { values } = column;
  const write = (value) => axisLabel(column, value);
  const different = [...new Set(values)].filter((value) => value === value).sort((a, b) => a - b);
  if (different.length <= most) return { labels: different.map(write), place: (row) => different.indexOf(values[row]) };
  const inner = cuts(robust(values), most);
  const whole = different.every((value) => value % 1 === 0);
  const between = (low, high) => (whole ? [...new Set([Math.ceil(low), Math.ceil(high) - 1].map(write))] : [low, high].map(write)).join(" to ");
  const labels = [`below ${write(inner[0])}`, ...inner.slice(1).map((high, i) => between(inner[i], high)), `from ${write(inner.at(-1))}`];
  return { labels, place: (row) => inner.filter((cut) => values[row] >= cut).length };
}

// Round places between two ends that make at most so many pieces, and as many of them as that allows.
function cuts({ low, high, log }, most) {
  for (const values of log ? logChoices(low, high) : linearChoices(low, high)) {
    const inner = values.filter((value) => value > low && value < high);
    if (inner.length > 0 && inner.length < most) return inner;
  }
  return [(low + high) / 2];
}

// The most frequent texts in their order; the rest stands together.
function textBins({ codes, levels }, most) {
  const counts = new Map();
  for (const code of codes) if (code >= 0) counts.set(code, (counts.get(code) ?? 0) + 1);
  const order = [...counts].sort((a, b) => b[1] - a[1]).slice(0, counts.size > most ? most - 1 : most).map(([code]) => code).sort((a, b) => collator.compare(levels[a], levels[b]));
  const places = new Map(order.map((code, i) => [code, i]));
  return { labels: [...order.map((code) => levels[code]), ...(counts.size > order.length ? [ALL_OTHERS] : [])], place: (row) => places.get(codes[row]) ?? order.length };
}

// "column row" -> the networks of that cell, how many of them have no usable error, and their median with those as the worst.
function cellsOf(rows, across, down, errors) {
  const groups = new Map();
  for (const row of rows) {
    const place = `${across.place(row)} ${down.place(row)}`;
    if (groups.has(place)) groups.get(place).push(row);
    else groups.set(place, [row]);
  }
  const failed = (own) => own.filter((row) => errors[row] === Infinity).length;
  return new Map([...groups].map(([place, own]) => [place, { rows: own, failed: failed(own), median: median(own.map((row) => errors[row])) }]));
}
