// Where the marks of an axis stand: round numbers whose labels never touch.

const LETTER = 6.6; // pixels of a letter
const GAP = 10; // pixels between two labels
const STEPS = [1, 2, 5];

function linearTicks(low, high, step) {
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12) + 1e-12; i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}

// Finest to coarsest: round steps that give from about twelve to two marks.
function* linearChoices(low, high) {
  if (!(high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)))) return; // no step could be told from none
  let power = Math.floor(Math.log10((high - low) / 12 || 1));
  for (let tries = 0; tries < 4; tries++, power++) {
    for (const factor of STEPS) yield linearTicks(low, high, Number(`${factor}e${power}`));
  }
}

function decadeTicks(low, high, factors, every) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    if (power % every) continue;
    for (const factor of factors) found.push(Number(`${factor}e${power}`));
  }
  return found.filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
}

function* logChoices(low, high) {
  if (high / low < 4) yield* linearChoices(low, high);
  for (const factors of [[1, 2, 3, 4, 5, 6, 7, 8, 9], STEPS, [1, 3], [1]]) yield decadeTicks(low, high, factors, 1);
  for (const every of [2, 3, 4, 6]) yield decadeTicks(low, high, [1], every);
}

// The finest marks from low to high whose labels fit into so many pixels; `text` writes a label, `across` is its size,
// `whole` leaves out fractions, and of `unit` the marks are round multiples.
function ticks({ low, high, log = false, whole = false, unit = 1, room, text, across = (label) => LETTER * label.length }) {
  const at = log ? Math.log : (value) => value;
  if (!(high > low)) return { values: [low], texts: [text(low)] };
  const place = (value) => (room * (at(value) - at(low))) / (at(high) - at(low));
  for (const found of (log ? logChoices : linearChoices)(low / unit, high / unit)) {
    const values = unit === 1 ? found : found.map((value) => value * unit);
    if (whole && values.some((value) => value % 1)) continue;
    const texts = values.map(text);
    const free = values.every((value, i) => !i || place(value) - place(values[i - 1]) >= (across(texts[i]) + across(texts[i - 1])) / 2 + GAP);
    if (values.length > 0 && free && new Set(texts).size === texts.length) return { values, texts };
  }
  return { values: [low], texts: [text(low)] };
}
