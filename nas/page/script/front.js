// The Pareto front and the points that a cloud draws.

// Rows that no other beats in error at the same or a lower cost, ascending in cost.
function front(rows, cost, error) {
  const known = rows.filter((row) => cost[row] === cost[row] && error[row] < Infinity);
  known.sort((a, b) => cost[a] - cost[b] || error[a] - error[b] || a - b);
  const found = [];
  for (const row of known) if (!found.length || error[row] < error[found.at(-1)]) found.push(row);
  return found;
}

// At most so many rows: those that must be there, the best quarter of the room, then an even sample of the rest.
function sampled(rows, error, most, must = []) {
  if (rows.length <= most) return rows;
  const kept = new Set(must);
  const bound = Float64Array.from(rows, (row) => error[row]).sort()[Math.floor(most / 4)];
  for (const row of rows) if (error[row] < bound) kept.add(row);
  const rest = rows.filter((row) => !kept.has(row));
  const room = Math.max(0, Math.min(rest.length, most - kept.size));
  for (let i = 0; i < room; i++) kept.add(rest[Math.floor(((i + 0.5) * rest.length) / room)]);
  return rows.filter((row) => kept.has(row));
}
