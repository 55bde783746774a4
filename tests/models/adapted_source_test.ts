import assert from "node:assert/strict";
import type { TensorChange } from "../../lib/models/adapter_changes.ts";
import { AdaptedSource } from "../../lib/models/adapted_source.ts";

/** Rows of three columns: 0, 1, 2 … */
const SHAPE = [4, 3];
const base = {
  has: (name: string) => name !== "score.weight",
  names: () => ["a", "b", "plain"],
  same: (a: string, b: string) => a === b,
  check: (name: string) => assert.notEqual(name, "score.weight"),
  read: (_name: string, _shape: readonly number[], first = 0, count = 4) =>
    Float32Array.from({ length: 3 * count }, (_, i) => 3 * first + i),
};
const changes = new Map<string, TensorChange>([
  ["a", {
    kind: "update",
    left: { shape: [4, 1], data: Float32Array.of(1, 2, 3, 4) },
    right: { shape: [1, 3], data: Float32Array.of(1, 0, -1) },
    scale: 10,
  }],
  ["score.weight", {
    kind: "values",
    values: { shape: [2, 3], data: Float32Array.of(9, 8, 7, 6, 5, 4) },
  }],
]);
const source = new AdaptedSource(base, changes);

Deno.test("an adapter's update is added to the rows that are read", () => {
  assert.deepEqual([...source.read("plain", SHAPE)], [...base.read("plain", SHAPE)]);
  const all = [10, 1, -8, 23, 4, -15, 36, 7, -22, 49, 10, -29];
  assert.deepEqual([...source.read("a", SHAPE)], all);
  assert.deepEqual([...source.read("a", SHAPE, 1, 2)], all.slice(3, 9));
});

Deno.test("tensors that an adapter brings along are there, in its shapes alone", () => {
  assert.deepEqual(
    ["a", "b", "score.weight"].map((name) => source.has(name)),
    [true, true, true],
  );
  assert.deepEqual([...source.names()], ["a", "b", "plain", "score.weight"]);
  assert.deepEqual([...source.read("score.weight", [2, 3], 1, 1)], [6, 5, 4]);
  source.check("a", SHAPE);
  assert.throws(() => source.check("score.weight", [1, 3]), {
    name: "UserError",
    message: 'the adapter\'s "score.weight" is [2, 3], config.json asks for [1, 3]',
  });
});

Deno.test("a changed tensor is the same as no other", () => {
  assert.deepEqual([source.same("b", "b"), source.same("a", "a")], [true, false]);
});
