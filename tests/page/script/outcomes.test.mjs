// What the page computes of how trainings ended.
import assert from "node:assert/strict";
import test from "node:test";
import { load, plain } from "./load.mjs";

const take = load("format", "outcomes");
const [bestSoFar, reasons, stretches, labelled] = ["bestSoFar", "reasons", "stretches", "labelled"].map(take);

test("the best so far are the rows that beat all before them; equal errors and failures don't", () => {
  assert.deepEqual(plain(bestSoFar([0, 1, 2, 3, 4], [Infinity, 0.3, 0.3, 0.2, 0.25])), [1, 3]);
  assert.deepEqual(plain(bestSoFar([0], [Infinity])), []);
});

test("reasons that differ in numbers only are one, the most frequent first", () => {
  const outcomes = ["failed", "pruned", "pruned", "pruned"];
  const messages = ["loss is nan", "error 0.41 after epoch 2", "error 0.3e-2 after epoch 6", "error 0.41 after epoch 2"];
  const found = reasons([0, 1, 2, 3], (row) => outcomes[row], (row) => messages[row]);
  assert.deepEqual(plain(found.map(({ outcome, same, rows }) => [outcome, same, rows])), [["pruned", false, [1, 2, 3]], ["failed", true, [0]]]);
});

test("stretches hold equally many trials, the last one the rest", () => {
  const found = stretches([0, 1, 2, 3, 4], (row) => (row % 2 ? "failed" : "completed"), 3);
  assert.deepEqual(plain(found.map(({ first, last, counts }) => [first, last, counts.get("completed") ?? 0])), [[0, 1, 1], [2, 3, 1], [4, 4, 1]]);
});

test("marks without a text are no marks", () => {
  assert.deepEqual(plain(labelled({ tickvals: [0, 0.5, 1], ticktext: ["0", "", "1"] })), { tickvals: [0, 1], ticktext: ["0", "1"] });
});
