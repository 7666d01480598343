// Numbers as people read them; the same rules as in wording/numbers.py.
const NOTHING = "–";
const UNITS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

const LARGE = 1000; // shares from which percent are written as counts are

const threeDigits = (value) => (Math.abs(value) >= 99.95 ? value.toFixed(0) : value.toPrecision(3));
const grouping = new Intl.NumberFormat("en-US", { maximumFractionDigits: 20 });
const minus = (text) => text.replaceAll("-", "\u2212");
const grouped = (value) => minus(grouping.format(value));

// Factor and unit of a number; from such a share of the next factor on its digits round up to that.
const prefix = (value, roundsUp) => UNITS.find(([size]) => Math.abs(value) >= roundsUp * size) ?? [1, ""];
const digits = (value, many) => String(Number(value.toPrecision(many)));

// A name amid other text, which it can't turn round; one that nobody could see in words.
const nameText = (name) => `\u2068${name.trim() || "(blank)"}\u2069`;

const plural = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;

function count(value) {
  const [factor, unit] = prefix(value, 0.99995);
  return `${digits(value / factor, 4)}${unit && ` ${unit}`}`;
}

function rate(value, noun) {
  const [factor, unit] = prefix(value, 0.9995);
  return `${unit ? `${threeDigits(value / factor)} ${unit}` : digits(value, 3)} ${noun}/s`;
}

function duration(value) {
  if (value >= 7200) return `${(value / 3600).toFixed(1)} h`;
  return value >= 120 ? `${(value / 60).toFixed(1)} min` : `${threeDigits(value)} s`;
}

const WRITERS = {
  percent: (value) => `${minus(Math.abs(value) < LARGE ? (100 * value).toFixed(2) : count(100 * value))} %`,
  points: (value) => `${minus((100 * value).toFixed(2))} points`,
  count,
  bytes: (value) => `${threeDigits(value / 2 ** 20)} MiB`,
  seconds: duration,
  rate: (value) => rate(value, "images"),
  rows: (value) => rate(value, "rows"),
  integer: (value) => (typeof value === "number" ? grouped(value) : value),
  number: (value) => grouped(Number(value.toPrecision(4))),
  boolean: (value) => ({ True: "yes", False: "no" })[value] ?? value,
  outcome: (value) => String(value).replaceAll("_", " "),
  plain: String,
  code: String,
  text: String,
};

// A value of a column as text.
function written(column, value) {
  return value === null ? NOTHING : WRITERS[column.kind](value);
}

// The same with all digits, for the details of one trial.
function exact(column, value) {
  const text = written(column, value);
  const rounded = ["count", "bytes", "number"].includes(column.kind) && typeof value === "number";
  return rounded && grouped(value) !== text ? `${text} (${grouped(value)})` : text;
}

// An element with its attributes and children; texts are never read as HTML.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Labels of an axis: percent without their sign, counts with their prefix, plain numbers.
const percentLabel = (value) => minus(String(Number((100 * value).toPrecision(6))));
const numberLabel = (value) => (Math.abs(value) >= 1e4 || (value && Math.abs(value) < 1e-4) ? minus(count(value)) : grouped(Number(value.toPrecision(6))));
const durationLabel = (value) => duration(value).replace(/\.0+(?= )/, "");
const tickUnit = (column, high) => (column.kind !== "seconds" || high < 120 ? 1 : high < 7200 ? 60 : 3600); // of times, the one they are written in
const axisLabel = (column, value) => ({ percent: percentLabel, points: percentLabel, count, seconds: durationLabel }[column.kind] ?? numberLabel)(value);

// Names of at most so many letters: where one is longer without the words that all share, and cut where all stay different.
function shortNames(names, most) {
  if (names.every((name) => name.length <= most)) return names;
  const words = names.map((name) => name.split(" "));
  const own = words.map((all, i) => (names.length > 1 && all.filter((word) => !words.every((others) => others.includes(word))).join(" ")) || names[i]);
  const cuts = [1, 0.7, 0].map((head) => own.map((name) => {
    if (name.length <= most) return name;
    const first = Math.ceil((most - 1) * head);
    return `${name.slice(0, first)}…${name.slice(name.length - (most - 1 - first))}`;
  }));
  return cuts.find((cut) => new Set(cut).size === new Set(own).size) ?? cuts[0];
}
