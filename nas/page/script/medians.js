// Medians along a numeric column, failures counted as the worst, and the range in which a column is drawn.

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// Median value and error of up to so many equal groups along a column; equal values stay in one group.
function medians(rows, x, error, groups = 8) {
  const known = rows.filter((row) => x[row] === x[row]).sort((a, b) => x[a] - x[b]);
  const size = known.length / Math.min(groups, Math.max(1, Math.floor(known.length / 5)));
  const found = [];
  for (let start = 0; start < known.length;) {
    let end = Math.min(known.length, Math.round(start + size));
    while (end < known.length && x[known[end]] === x[known[end - 1]]) end++;
    const group = known.slice(start, end);
    found.push({ x: median(group.map((row) => x[row])), error: median(group.map((row) => error[row])) });
    start = end;
  }
  return found.filter((point) => point.error < Infinity);
}

const FAR = 8; // quartile distances behind a quartile at which a value would rule the scale
const DECADES = 20; // largest over smallest value from which an axis is logarithmic

// Whether values span decades and their middle lies better in the middle of a logarithmic axis.
function isSkewed(low, middle, high) {
  const off = (at) => Math.abs((at(middle) - at(low)) / (at(high) - at(low)) - 0.5);
  return high / low >= DECADES && off(Math.log) < off((value) => value);
}

// How far the value next to one lies from it; 0 where there is none.
function nearest(values, one) {
  const away = values.map((value) => Math.abs(value - one)).filter((distance) => distance > 0);
  return away.length ? away.reduce((a, b) => Math.min(a, b)) : 0;
}

// Ends of an axis that a few far values don't rule, whether it is logarithmic, and how many values lie outside.
function robust(values) {
  const sorted = Float64Array.from(values).filter(Number.isFinite).sort();
  if (!sorted.length) return { low: 0, high: 1, log: false, below: 0, above: 0 };
  const wide = sorted[0] > 0 && isSkewed(...[0.02, 0.5, 0.98].map((share) => quantile(sorted, share)));
  const [to, from] = wide ? [Math.log, Math.exp] : [(x) => x, (x) => x];
  const [q1, q3] = [to(quantile(sorted, 0.25)), to(quantile(sorted, 0.75))];
  const reach = FAR * (q3 - q1 || nearest(sorted.map(to), q1) || 1);
  const [floor, ceiling] = [from(q1 - reach), from(q3 + reach)];
  const inside = sorted.filter((value) => value >= floor && value <= ceiling);
  const [low, high] = [inside[0], inside.at(-1)];
  const below = sorted.findIndex((value) => value >= low);
  return { low, high, log: wide, below, above: sorted.length - below - inside.length };
}
