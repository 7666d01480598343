// Names on figures: shortened, and told apart.
import assert from "node:assert/strict";
import test from "node:test";
import { load, plain } from "./load.mjs";

const shortNames = load("format")("shortNames");
const shortened = (names, most) => plain(shortNames(names, most));

test("names that fit stay as they are", () => {
  assert.deepEqual(shortened(["ResNet_3", "ResNet_4"], 8), ["ResNet_3", "ResNet_4"]);
  assert.deepEqual(shortened([], 8), []);
});

test("a longer one loses the words that all share, then its end, its middle or its beginning, so that all stay different", () => {
  const arms = ["post", "pre"].flatMap((order) => ["False", "True"].map((start) => `ResNet_3 order=${order} zero_residual=${start}`));
  for (const most of [28, 14]) {
    const names = shortened(arms, most);
    assert.equal(new Set(names).size, 4, names);
    assert.ok(names.every((name) => name.length <= most && !name.startsWith("ResNet")), names);
  }
  assert.deepEqual(shortened(["a_long_name_1", "a_long_name_2"], 8), ["a_lon…_1", "a_lon…_2"]);
  assert.deepEqual(shortened(["only one name that is too long"], 8), ["only on…"]);
});
