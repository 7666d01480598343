// What a text selects: words in any cell of a row, or an expression such as `error < 0.17 and blocks > 10`.

const TOKEN = /\s*(?:("[^"]*")|(<=|>=|==|!=|[<>=~()])|([^\s<>=!~()"]+))/y;
const HOLDS = {
  "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b, "=": (a, b) => a === b, "==": (a, b) => a === b, "!=": (a, b) => a !== b,
};
const PREFIXES = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const NO_VALUE = "none";

// A byte for each row, 1 where the text finds it; null for a text that selects nothing in particular or can't be read.
function matching(model, text) {
  const { test } = reading(model, text);
  return test ? Uint8Array.from({ length: model.rows }, (_, row) => test(row)) : null;
}

// `test(row)` of a text, or the `fault` in it as a sentence.
function reading(model, text) {
  try {
    const tokens = tokensOf(text);
    if (!tokens.length) return {};
    return { test: tokens.some((token) => token.sign && !"()".includes(token.text)) ? new Parser(model, tokens).whole() : wordTest(model, text) };
  } catch (fault) {
    if (!(fault instanceof Unreadable)) throw fault;
    return { fault: fault.message };
  }
}

class Unreadable extends Error {}

function tokensOf(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const [, quoted, sign, word] = TOKEN.exec(text) ?? [];
    if (!quoted && !sign && !word) throw new Unreadable(`can't read from “${text.slice(at).trim()}” on`);
    found.push({ text: quoted ? quoted.slice(1, -1) : sign ?? word, quoted: Boolean(quoted), sign: Boolean(sign) });
  }
  return found;
}

function wordTest(model, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  model.texts ??= rowTexts(model);
  return (row) => words.every((word) => model.texts[row].includes(word));
}

// All texts of each row in lower case, made when a search first needs them.
function rowTexts(model) {
  const columns = [...model.columns.values()];
  return Array.from({ length: model.rows }, (_, row) => columns.map((column) => column.text(row)).join("\n").toLowerCase());
}

// `or` of `and` of `not` of comparisons and parentheses, each read into a test of a row.
class Parser {
  constructor(model, tokens) {
    Object.assign(this, { model, tokens, at: 0 });
  }

  whole() {
    const test = this.either();
    if (this.next) throw new Unreadable(`“${this.next.text}” is too much: join comparisons by and, or`);
    return test;
  }

  get next() {
    return this.tokens[this.at];
  }

  is(word) {
    return this.next && !this.next.quoted && this.next.text.toLowerCase() === word;
  }

  taken(word) {
    if (!this.is(word)) return false;
    this.at++;
    return true;
  }

  either() {
    const tests = [this.all()];
    while (this.taken("or")) tests.push(this.all());
    return tests.length === 1 ? tests[0] : (row) => tests.some((test) => test(row));
  }

  all() {
    const tests = [this.one()];
    while (this.taken("and")) tests.push(this.one());
    return tests.length === 1 ? tests[0] : (row) => tests.every((test) => test(row));
  }

  one() {
    if (this.taken("not")) {
      const test = this.one();
      return (row) => !test(row);
    }
    if (!this.taken("(")) return this.comparison();
    const test = this.either();
    if (!this.taken(")")) throw new Unreadable("a parenthesis isn't closed");
    return test;
  }

  comparison() {
    const column = this.column(this.words());
    const sign = this.next;
    if (!sign?.sign || "()".includes(sign.text)) throw new Unreadable(`after ${column.title} comes <, <=, >, >=, =, != or ~`);
    this.at++;
    const value = this.words();
    if (!value) throw new Unreadable(`${column.title} ${sign.text} what?`);
    return comparisonTest(column, sign.text, value);
  }

  // Words up to a sign or a joining word, as one text.
  words() {
    const found = [];
    while (this.next && !this.next.sign && !(this.is("and") || this.is("or") || (this.is("not") && !found.length))) found.push(this.tokens[this.at++].text);
    return found.join(" ");
  }

  column(name) {
    const wanted = name.toLowerCase();
    const found = [...this.model.columns.values()].find((column) => [column.name, column.title].some((each) => each.toLowerCase() === wanted));
    if (!found) throw new Unreadable(name ? `there is no column “${name}”` : "a comparison begins with a column");
    return found;
  }
}

// A row without a value passes only `= none`.
function comparisonTest(column, sign, text) {
  if (text.toLowerCase() === NO_VALUE && ["=", "==", "!="].includes(sign)) return (row) => (column.at(row) === null) === (sign !== "!=");
  if (sign === "~") return (row) => column.at(row) !== null && column.text(row).toLowerCase().includes(text.toLowerCase());
  if (column.numeric) {
    const value = numberIn(text);
    if (value === undefined) throw new Unreadable(`${column.title} is a number, “${text}” is none`);
    return (row) => HOLDS[sign](column.values[row], value) && column.values[row] === column.values[row];
  }
  if ("<>".includes(sign[0])) throw new Unreadable(`${column.title} holds texts: =, != or ~`);
  const wanted = text.toLowerCase();
  const passing = column.levels.map((level) => [level, written(column, level)].some((each) => each.toLowerCase() === wanted) === (sign !== "!="));
  return (row) => passing[column.codes[row]] ?? false;
}

// `17%`, `3.5M`, `0,17` and plain numbers; undefined for others.
function numberIn(text) {
  const found = text.replace(",", ".").replace("\u2212", "-").match(/^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(%|[kmgt])?$/i);
  if (!found) return undefined;
  const factor = PREFIXES[found[2]?.toLowerCase()] ?? 1;
  return Number((found[2] === "%" ? Number(found[1]) / 100 : Number(found[1]) * factor).toPrecision(15));
}
