// Pairs of dimensions: pieces of columns, and what is in their cells.
import assert from "node:assert/strict";
import test from "node:test";
import { load, plain } from "./load.mjs";

const take = load("format", "data", "ticks", "edf", "medians", "search", "model", "scale", "editor", "bins");
const [binsOf, cellsOf] = ["binsOf", "cellsOf"].map(take);

const numeric = (values) => ({ name: "depth", title: "depth", kind: "integer", role: "dimension", numeric: true, values: Float64Array.from(values), at: (row) => (Number.isNaN(values[row]) ? null : values[row]) });
const texts = (codes, levels) => ({ name: "norm", kind: "text", role: "attribute", numeric: false, codes, levels, at: (row) => levels[codes[row]] ?? null });
const places = (bins, n) => Array.from({ length: n }, (_, row) => bins.place(row));

test("few numbers have a piece each, and what doesn't exist one of its own", () => {
  const bins = binsOf(numeric([4, 1, NaN, 2, 4]), 8);
  assert.deepEqual(plain(bins.labels), ["1", "2", "4", "doesn't exist"]);
  assert.deepEqual(places(bins, 5), [2, 0, 3, 1, 2]);
});

test("many numbers are cut at round places, each value in the piece that its label names", () => {
  for (const values of [Array.from({ length: 500 }, (_, i) => i / 7), Array.from({ length: 64 }, (_, i) => 1.5 ** i), [...Array(400).keys(), 1e9]]) {
    const bins = binsOf(numeric(values), 8);
    assert.ok(bins.labels.length >= 3 && bins.labels.length <= 8, bins.labels.join());
    const all = places(bins, values.length);
    assert.ok(all.every((place, i) => place >= 0 && place < bins.labels.length && (i === 0 || place >= all[i - 1])));
  }
});

test("pieces of whole numbers are named by the numbers in them", () => {
  assert.deepEqual(plain(binsOf(numeric([...Array(12).keys()].map((i) => i + 1)), 8).labels), ["below 2", "2 to 3", "4 to 5", "6 to 7", "8 to 9", "from 10"]);
});

test("rare texts stand together, and rows without one apart", () => {
  const bins = binsOf(texts([0, 0, 1, 1, 2, 3, -1], ["b", "a", "c", "d"]), 3);
  assert.deepEqual(plain(bins.labels), ["a", "b", "other", "none"]);
  assert.deepEqual(places(bins, 7), [1, 1, 0, 0, 2, 2, 3]);
});

test("a cell's median counts failures as the worst, and empty cells aren't there", () => {
  const [across, down] = [{ place: (row) => row % 2 }, { place: () => 0 }];
  const cells = cellsOf([0, 1, 2, 4, 3], across, down, [0.1, Infinity, 0.3, Infinity, Infinity]);
  assert.deepEqual([...cells.keys()].sort(), ["0 0", "1 0"]);
  assert.deepEqual([cells.get("0 0").median, cells.get("0 0").failed, cells.get("0 0").rows.length], [0.3, 1, 3]);
  assert.equal(cells.get("1 0").median, Infinity);
});
