// Expressions and words that select rows, and the file that the selection is saved in.
import assert from "node:assert/strict";
import test from "node:test";
import { load, plain } from "./load.mjs";

const take = load("format", "data", "search", "csv");
const [matching, reading, csvText, numberIn] = ["matching", "reading", "csvText", "numberIn"].map(take);

function column(name, title, values) {
  const numeric = typeof values.find((value) => value !== null) === "number";
  const levels = [...new Set(values)];
  const own = { name, title, numeric, kind: numeric ? "number" : "text", at: (row) => values[row], text: (row) => (values[row] === null ? "–" : String(values[row])) };
  return numeric ? { ...own, values: values.map((value) => value ?? NaN) } : { ...own, levels, codes: values.map((value) => (value === null ? -1 : levels.indexOf(value))) };
}

const columns = [
  column("error", "error", [0.1, 0.2, 0.3, null]),
  column("group_width_1", "group width 1", [8, 16, null, 32]),
  column("space", "space", ["A b", "B", "and", "B"]),
  column("note", "note", ["=cmd()", 'say "x", y', "line\nbreak", null]),
];
const model = { rows: 4, columns: new Map(columns.map((each) => [each.name, each])) };
const rows = (text) => plain([...matching(model, text)].flatMap((passes, row) => (passes ? [row] : [])));

test("comparisons join by and, or, not and parentheses, names by column or title", () => {
  assert.deepEqual(rows("error < 0.25 and group_width_1 > 8"), [1]);
  assert.deepEqual(rows("group width 1 >= 16 or error = 10%"), [0, 1, 3]);
  assert.deepEqual(rows("not (error < 0.25) and space != A b"), [2, 3]);
  assert.deepEqual(rows("error<0.15 or error>0.25 and space = \"and\""), [0, 2]);
  assert.deepEqual(rows("space ~ b"), [0, 1, 3]);
});

test("rows without a value pass only where that is asked", () => {
  assert.deepEqual(rows("error != 0.1"), [1, 2]);
  assert.deepEqual(rows("error = none"), [3]);
  assert.deepEqual(rows("group width 1 != none"), [0, 1, 3]);
});

test("without a comparison, words are looked for in any cell", () => {
  assert.deepEqual(rows("b 32"), [3]);
  assert.equal(matching(model, "  "), null);
});

test("what can't be read says why and selects nothing", () => {
  for (const text of ["error <", "blocks > 3", "error < many", "space < B", "(error < 1", "error < 0.1 0.2 error > 3", "< 3", "error ! 3", "error < 1 )"]) {
    const { fault, test: found } = reading(model, text);
    assert.ok(fault && !found, text);
    assert.equal(matching(model, text), null);
  }
});

test("numbers are read with percent, prefix and decimal comma", () => {
  assert.deepEqual(plain(["17%", "3.5M", "0,5", "-2e3", "\u22121"].map(numberIn)), [0.17, 3.5e6, 0.5, -2000, -1]);
  assert.equal(numberIn("1x"), undefined);
});

test("a saved selection is quoted, and formulas in it are harmless", () => {
  assert.equal(csvText(columns.slice(2), [0, 1, 2, 3]), 'space,note\nA b,\'=cmd()\nB,"say ""x"", y"\nand,"line\nbreak"\nB,\n');
});
