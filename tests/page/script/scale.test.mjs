// Axes of parallel coordinates: where rows lie, and what a brush means.
import assert from "node:assert/strict";
import test from "node:test";
import { load, plain } from "./load.mjs";

const take = load("format", "data", "ticks", "edf", "medians", "search", "model", "scale");
const [Scale, hasAxis, firstAxes] = ["Scale", "hasAxis", "firstAxes"].map(take);

const numeric = (values, more) => ({ name: "depth", title: "depth", kind: "integer", role: "dimension", numeric: true, values: Float64Array.from(values), ...more });
const texts = (codes, levels) => ({ name: "norm", title: "norm", kind: "text", role: "dimension", numeric: false, codes: Int32Array.from(codes), levels });
const close = (value, wanted) => assert.ok(Math.abs(value - wanted) < 1e-9, `${value} isn't ${wanted}`);

test("what doesn't exist lies beyond the end, never at 0, and a failure above the highest error", () => {
  const scale = new Scale(numeric([0, 5, 10, NaN]));
  assert.deepEqual([0, 1, 2].map((row) => scale.share(row)), [0, 0.5, 1]);
  assert.ok(scale.share(3) < -0.1);
  assert.ok(new Scale(numeric([0.1, 0.2, NaN], { name: "error" })).share(2) > 1.1);
});

test("a single value lies in the middle, and no brush hides it", () => {
  const scale = new Scale(numeric([3, 3, NaN]));
  assert.equal(scale.share(0), 0.5);
  assert.deepEqual(plain(scale.filter(0.4, 0.6)), { low: 3, high: 3, missing: false });
});

test("a brush to an end keeps what lies on it and behind it", () => {
  const scale = new Scale(numeric([...Array.from({ length: 101 }, (_, i) => i), 1e9]));
  assert.equal(scale.above, 1);
  assert.equal(scale.share(101), 1);
  const found = scale.filter(0.5, 1.05);
  assert.deepEqual([found.low, found.high], [50, Infinity]);
  assert.equal(scale.filter(-0.02, 1.02), null);
});

test("a brush over the place of what doesn't exist selects it, alone or with a range", () => {
  const scale = new Scale(numeric([0, 5, 10, NaN]));
  const alone = scale.filter(-0.16, -0.08);
  assert.ok(alone.missing && alone.low > alone.high);
  assert.deepEqual(plain(scale.spans(alone)).length, 1);
  const both = scale.filter(-0.16, 0.5);
  assert.deepEqual([both.low, both.high, both.missing], [-Infinity, 5, true]);
  assert.equal(scale.filter(0, 1).missing, false);
});

test("texts stand side by side in order, and a brush keeps those it touches", () => {
  const scale = new Scale(texts([0, 1, 2, -1], ["b10", "b9", "a"]));
  close(scale.share(2), 1 / 6);
  close(scale.share(1), 3 / 6);
  assert.ok(scale.share(3) < 0);
  assert.deepEqual([...scale.filter(0, 0.5)], ["a", "b9"]);
  assert.deepEqual([...scale.filter(-0.2, 0.1)], ["a", null]);
  assert.equal(scale.filter(-0.2, 1), null);
});

test("a logarithmic axis rounds its ends to digits that can be seen", () => {
  const scale = new Scale(numeric(Array.from({ length: 64 }, (_, i) => 1.5 ** i)));
  assert.ok(scale.log);
  const { low, high } = scale.filter(0.02, 0.5);
  assert.ok(low > 1 && low < 2 && high < 1e6);
  assert.equal(new Scale(numeric([0, 1, 100]), true).log, false);
});

test("columns become axes that differ, if only by being there, and aren't names", () => {
  assert.ok(hasAxis(numeric([2, 2, NaN])) && hasAxis(texts([0, 1], ["a", "b"])));
  assert.ok(!hasAxis(numeric([2, 2])) && !hasAxis(numeric([NaN])) && !hasAxis(texts([0], ["a"])));
  assert.ok(!hasAxis(texts([...Array(30).keys()], Array.from({ length: 30 }, String))));
});

test("first come at most eleven dimensions and the error, and of few dimensions attributes stand beside them", () => {
  const of = (own) => {
    const columns = new Map([...own, numeric([0.1, 0.2], { name: "error", role: "measure" })].map((column) => [column.name, column]));
    return plain(firstAxes({ data: { shown: [...columns.keys()] }, column: (name) => columns.get(name) }).map(({ name }) => name));
  };
  const many = Array.from({ length: 20 }, (_, i) => numeric(i < 9 ? [1, NaN] : [1, 2], { name: `d${i}` }));
  assert.deepEqual(of(many), [...Array.from({ length: 11 }, (_, i) => `d${i + 9}`), "error"]);
  const few = [numeric([1, 2], { name: "d" }), numeric([1, 2], { name: "blocks", role: "attribute" }), numeric([1, 2], { name: "seed", role: "measure" })];
  assert.deepEqual(of(few), ["d", "blocks", "error"]);
});

test("an axis whose ends differ by rounding alone has one mark", () => {
  const scale = new Scale(numeric([0.9, 0.9 + 2e-16]));
  assert.equal(scale.marks(200).length, 1);
});
