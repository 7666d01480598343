// Colours of points and lines: those of the spaces, or of a column's values, with what tells their meaning.

// Rises in lightness from blue to orange; every colour stands out 3 to 1 or more from the light and the dark ground.
const RAMP = [[83, 94, 198], [153, 78, 183], [197, 75, 141], [217, 90, 92], [205, 119, 40]];

// `of(row)` is a row's colour; `key()` makes the elements that say what colours mean, none for spaces.
function colouring(model) {
  model.colours ??= model.colour ? (model.column(model.colour).numeric ? numberColours : textColours)(model.column(model.colour), model.data.palette) : spaceColours(model);
  return model.colours;
}

const spaceColours = (model) => ({ of: (row) => model.spaces[model.space[row]].colour, key: () => [] });

// A colour between the two ends of the column's axis; what lies beyond has that of the end.
function numberColours(column) {
  const scale = new Scale(column);
  const [low, high] = [scale.low, scale.high].map((value) => element("bdi", {}, written(column, value)));
  const bar = () => element("span", { class: "ramp", style: `background: linear-gradient(90deg, ${RAMP.map((_, i) => between(i / (RAMP.length - 1))).join(", ")})` });
  return { of: (row) => (column.at(row) === null ? GREY : between(scale.share(row))), key: () => [low, bar(), high, ...(scale.absent ? [patch(GREY, absentWord(column))] : [])] };
}

// The most frequent texts have a colour each; rarer ones are grey, as is what isn't there.
function textColours(column, palette) {
  const counts = new Map();
  for (const code of column.codes) if (code >= 0) counts.set(code, (counts.get(code) ?? 0) + 1);
  const frequent = [...counts].sort((a, b) => b[1] - a[1]).slice(0, palette.length).map(([code]) => code);
  const order = frequent.sort((a, b) => collator.compare(column.levels[a], column.levels[b]));
  const rest = [counts.size > order.length && "others", absences(column) && absentWord(column)].filter(Boolean).join(", ");
  const named = order.map((code, i) => [palette[i], written(column, column.levels[code])]);
  return { of: (row) => palette[order.indexOf(column.codes[row])] ?? GREY, key: () => [...named, ...(rest ? [[GREY, rest]] : [])].map(([colour, name]) => patch(colour, name)) };
}

const patch = (colour, name) => element("span", { class: "patch", style: `--patch: ${colour}` }, element("bdi", {}, name));

// The colour at a share of the sequence.
function between(share) {
  const place = share * (RAMP.length - 1);
  const left = Math.min(RAMP.length - 2, Math.floor(place));
  return `rgb(${RAMP[left].map((value, i) => Math.round(value + (place - left) * (RAMP[left + 1][i] - value))).join(", ")})`;
}
