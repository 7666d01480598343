// The typed columns of a page as arrays: numbers with NaN where there is none, texts as codes into their levels.

const ARRAYS = { i1: Int8Array, i2: Int16Array, i4: Int32Array, u1: Uint8Array, f4: Float32Array, f8: Float64Array };

function bytes(text) {
  const raw = atob(text);
  const made = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) made[i] = raw.charCodeAt(i);
  return made;
}

const array = (type, text) => new ARRAYS[type](bytes(text).buffer);

// Integers hold decimals exactly, divided by their scale; the lowest of them stands for no value.
function numbersOf({ type, data, scale }) {
  const stored = array(type, data);
  if (type[0] === "f") return stored;
  const missing = { i1: -128, i2: -32768, i4: -2147483648 }[type];
  return Float64Array.from(stored, (value) => (value === missing ? NaN : value / scale));
}

// One column: `numeric` ones have `values`; the others `levels` and `codes`, -1 where there is no text.
class Column {
  constructor(stored, rows) {
    const { name, title, kind, note, role, levels } = stored;
    Object.assign(this, { name, title, kind, note, role, numeric: !levels });
    if (this.numeric) this.values = numbersOf(stored);
    else Object.assign(this, { levels, codes: stored.data === undefined ? Int32Array.from({ length: rows }, (_, i) => i) : array(stored.type, stored.data) });
  }

  // The value of a row: a number, a text, or null.
  at(row) {
    if (!this.numeric) return this.codes[row] < 0 ? null : this.levels[this.codes[row]];
    const value = this.values[row];
    return Number.isNaN(value) ? null : value;
  }

  text(row) {
    return written(this, this.at(row));
  }
}

const collator = new Intl.Collator("en", { numeric: true });

// The least and the largest finite value.
function extent(values) {
  const finite = values.filter(Number.isFinite);
  return [finite.reduce((a, b) => Math.min(a, b), Infinity), finite.reduce((a, b) => Math.max(a, b), -Infinity)];
}

// Whether a column's values differ.
function varies(column) {
  const values = column.numeric ? column.values : column.codes;
  const first = values.findIndex((value) => value === value);
  return first >= 0 && values.some((value) => value === value && value !== values[first]);
}
