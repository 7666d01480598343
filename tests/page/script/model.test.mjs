// The page's model: what is selected, what a view sees, and the address.
import assert from "node:assert/strict";
import test from "node:test";
import { load, plain } from "./load.mjs";

const take = load("format", "data", "edf", "search", "model");
const [Model, range] = ["Model", "range"].map(take);
const packed = (array) => Buffer.from(array.buffer).toString("base64");

function model() {
  const stored = (name, kind, more) => ({ name, kind, title: name, note: "", role: "measure", ...more });
  return new Model({
    rows: 5, guess: 0.9, worst: 0.882, enters: null, spaces: [{ name: "b" }, { name: "a" }],
    columns: [
      stored("trial", "plain", { type: "i1", scale: 1, data: packed(Int8Array.of(10, 11, 12, 13, 14)) }),
      stored("space", "text", { levels: ["a", "b"], type: "i1", data: packed(Int8Array.of(0, 1, 0, 1, 1)) }),
      stored("error", "percent", { type: "i2", scale: 1000, data: packed(Int16Array.of(100, 200, 300, -32768, 890)) }),
      stored("run", "integer", { type: "i1", scale: 1, data: packed(Int8Array.of(1, 2, 3, -128, 5)) }),
      stored("id", "code", { levels: ["v", "w", "x", "y", "z"] }),
    ],
  });
}

test("columns come back exactly, missing values as null", () => {
  const of = (name) => Array.from({ length: 5 }, (_, row) => model().column(name).at(row));
  assert.deepEqual(of("error"), [0.1, 0.2, 0.3, null, 0.89]);
  assert.deepEqual(of("id"), ["v", "w", "x", "y", "z"]);
});

test("means count failures, and what learned nothing, as guessing, by space in the study's order", () => {
  const [b, a] = model().counts;
  assert.deepEqual([b.all, b.n, b.failures, a.mean], [3, 3, 2, 0.2]);
  assert.ok(Math.abs(b.mean - (0.2 + 0.9 + 0.9) / 3) < 1e-12);
});

test("filters meet in one mask, and a view ignores those on its own axes", () => {
  const own = model();
  own.set("error", range(0.1, 0.2));
  own.set("space", new Set(["b"]));
  assert.deepEqual([...own.mask], [0, 1, 0, 0, 0]);
  assert.deepEqual(plain(own.selected("error")), [1, 3, 4]);
  assert.deepEqual(plain(own.selected("error", "space")), [0, 1, 2, 3, 4]);
  own.clear();
  assert.equal(own.selectedRows, 5);
});

test("both ends belong to a range, and rows without a value pass only where that is said", () => {
  const own = model();
  own.set("run", range(2, 5));
  assert.equal(own.selectedRows, 3);
  own.set("run", range(2, 5, true));
  assert.equal(own.selectedRows, 4);
});

test("an address gives back filters and chosen networks, and passes over what it doesn't know", () => {
  const [one, other] = [model(), model()];
  one.change(new Map([["run", range(-Infinity, 2.5, true)], ["space", new Set(["b", null])], ["", "v & co"]]));
  one.choose(3);
  one.choose(1, { beside: true });
  other.address = one.address;
  assert.equal(other.address, one.address);
  assert.deepEqual(plain(other.chosen), [3, 1]);
  other.address = "nothing=1..2&trial=99&error=x";
  assert.deepEqual([other.address, other.selectedRows], ["", 5]);
});

test("at most four networks are chosen, and listeners hear what changed", () => {
  const own = model();
  const heard = [];
  own.on((what) => heard.push(what));
  for (let row = 0; row < 5; row++) own.choose(row, { beside: true });
  assert.deepEqual(plain(own.chosen), [1, 2, 3, 4]);
  own.set("error", range(0, 1));
  own.point(1);
  own.release();
  assert.deepEqual(heard.slice(5), ["selection", "pointed", "chosen"]);
});
