// What the page computes of networks: their rank with its uncertainty, and the axes of their pictures.
import assert from "node:assert/strict";
import test from "node:test";
import { load, plain } from "./load.mjs";

const take = load("format", "stairs", "standing");
const [halfInterval, standing, stairsScale, stairsOf] = ["halfInterval", "standing", "stairsScale", "stairsOf"].map(take);
const near = (one, other) => assert.ok(Math.abs(one - other) < 1e-6, `${one} ${other}`);

test("half an interval is Wilson's", () => {
  near(halfInterval(0.1595, 10000), 0.00717606);
  near(halfInterval(0.5, 100), 0.09616847);
});

test("a rank comes with the ranks inside its interval", () => {
  const means = [0.1, 0.11, 0.12, 0.2, 0.12];
  assert.deepEqual(plain(standing(means, 0.12, 0.015)), { rank: 3, of: 5, best: 2, worst: 4 });
  assert.deepEqual(plain(standing(means, 0.1, NaN)), { rank: 1, of: 5, best: 1, worst: 1 });
});

test("stairs come back from their numbers, and their axes hold all networks", () => {
  const model = { data: { stairs: { parts: ["stem", "stage 1"], rows: { 3: [0, 16, 1, 28, 1, 48, 2, 14] } } } };
  const steps = stairsOf(model, 3);
  assert.deepEqual(plain(steps), [{ part: "stem", width: 16, blocks: 1, edge: 28 }, { part: "stage 1", width: 48, blocks: 2, edge: 14 }]);
  assert.deepEqual(plain(stairsOf(model, 4)), []);
  assert.deepEqual(plain(stairsScale([steps, [{ part: "", width: 10, blocks: 9, edge: 0 }]])), { low: 2, high: 6, blocks: 9 });
});
