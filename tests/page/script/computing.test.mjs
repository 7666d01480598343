// What the page's script computes, without a browser.
import assert from "node:assert/strict";
import test from "node:test";
import { load, plain } from "./load.mjs";

const take = load("format", "ticks", "edf", "front", "medians");
const [bandReach, apart] = ["bandReach", "apart"].map(take);
const [edf, meanError, quantile, thinned, front, sampled, medians, robust, ticks] =
  ["edf", "meanError", "quantile", "thinned", "front", "sampled", "medians", "robust", "ticks"].map(take);

test("an EDF rises behind each error, merges ties and ends below 1 where networks failed", () => {
  assert.deepEqual(plain(edf([0.1, 0.2, 0.2, Infinity])), { n: 4, errors: [0.1, 0.2], shares: [0.25, 0.75] });
  assert.deepEqual(plain(edf([Infinity])), { n: 1, errors: [], shares: [] });
});

test("in a mean a failure counts as guessing", () => {
  assert.equal(meanError([0.1, Infinity], 0.9), 0.5);
});

test("a quantile is an observed value", () => {
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2);
  assert.equal(quantile([1, 2, 3], 0), 1);
});

test("a thinned line keeps its ends", () => {
  const line = thinned(edf(Array.from({ length: 1000 }, (_, i) => i)), 100);
  assert.equal(line.errors.length, 100);
  assert.deepEqual([line.errors[0], line.errors.at(-1), line.shares.at(-1)], [0, 999, 1]);
});

test("a front holds what nothing cheaper or equally cheap beats", () => {
  const [cost, error] = [[1, 1, 2, 3, 4], [0.5, 0.4, 0.4, 0.3, Infinity]];
  assert.deepEqual(plain(front([0, 1, 2, 3, 4], cost, error)), [1, 3]);
});

test("a sample keeps what it must and the best, and never exceeds its room", () => {
  const rows = Array.from({ length: 1000 }, (_, i) => i);
  const error = rows.map((i) => 1000 - i);
  const kept = sampled(rows, error, 100, [0]);
  assert.equal(kept.length, 100);
  assert.ok(kept.includes(0) && kept.includes(999) && kept.includes(980));
  assert.deepEqual(plain(sampled([1, 2], error, 100)), [1, 2]);
});

test("medians count failures as the worst and leave out those that fall among them", () => {
  const x = [1, 1, 1, 2, 2, 2, 3, 3, 3, 3];
  const error = [0.1, 0.2, 0.3, 0.2, Infinity, 0.4, Infinity, Infinity, 0.1, 0.1];
  const found = plain(medians([...x.keys()], x, error, 2));
  assert.ok(found.length <= 2 && found.every((point) => point.error < 1));
});

test("a far value doesn't rule the scale and is counted", () => {
  const found = robust([...Array.from({ length: 100 }, (_, i) => 0.2 + i / 1000), 1e9, 1e9, -1e9]);
  assert.deepEqual([found.above, found.below, found.log], [2, 1, false]);
  assert.ok(found.high < 1);
});

test("values over decades get a logarithmic axis", () => {
  assert.equal(robust(Array.from({ length: 40 }, (_, i) => 1.3 ** i)).log, true);
  assert.equal(robust([1, 2, 3]).log, false);
});

test("labels of ticks never touch, on any axis and in any room", () => {
  for (const room of [40, 120, 300, 1200]) {
    for (const [low, high, log] of [[0, 1, false], [0.159, 0.161, false], [3e6, 6e6, true], [1e3, 1e9, true], [0.9, 1.1, true], [-5, 2000, false]]) {
      const { values, texts } = ticks({ low, high, log, room, text: String });
      const at = log ? Math.log : (value) => value;
      const place = (value) => (room * (at(value) - at(low))) / (at(high) - at(low));
      assert.ok(values.length >= 1);
      for (let i = 1; i < values.length; i++) {
        assert.ok(place(values[i]) - place(values[i - 1]) > 3.3 * (texts[i].length + texts[i - 1].length), `${low} ${high} ${room} ${texts}`);
      }
    }
  }
});

test("a band reaches as far as Kolmogorov's", () => {
  for (const [n, reach] of [[8, 0.4543], [20, 0.2941], [100, 0.1340], [1000, 0.0428]]) assert.ok(Math.abs(bandReach(n) - reach) < 0.001, `${n}`);
});

test("labels are moved apart and stay inside", () => {
  const placed = plain(apart([0, 0, 5, 90, 100], 15, 0, 100));
  placed.slice(1).forEach((height, i) => assert.ok(height - placed[i] >= 15));
  assert.ok(placed[0] >= 0 && placed.at(-1) <= 100);
});

test("an axis of whole numbers has no marks between them", () => {
  assert.deepEqual(plain(ticks({ low: 0.6, high: 3.4, whole: true, room: 900, text: String })).values, [1, 2, 3]);
});

test("marks of minutes are round in minutes", () => {
  const { values } = ticks({ low: 90, high: 310, log: true, unit: 60, room: 500, text: String });
  assert.ok(values.includes(120) && values.includes(180) && values.includes(240));
});

test("few values of which most are equal are all on the axis", () => {
  assert.deepEqual([robust([1, 1, 1, 1, 1, 1, 1, 1, 3, 6])].map(({ low, high, above }) => [low, high, above]), [[1, 6, 0]]);
});
