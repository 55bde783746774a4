import assert from "node:assert/strict";
import {
  atCounted,
  countedPositions,
  packedMask,
  packPositions,
  passes,
  responseRow,
  type TokenRow,
  unpackPositions,
} from "../../lib/training/token_rows.ts";

function row(
  query: number,
  targets: number,
  counted: TokenRow["counted"] = [[0, targets]],
): TokenRow {
  const tokens = (count: number) => new Array<number>(count).fill(7);
  return { query: tokens(query), inputs: tokens(targets), targets: tokens(targets), counted };
}

Deno.test("a response's row reads the first input and all tokens but the last, and predicts them all", () => {
  const model = { firstInput: (prompt: readonly number[]) => prompt.length + 90 };
  const response = responseRow(model, [5, 6], [7, 8, 1]);
  assert.deepEqual(response, {
    query: [5, 6],
    inputs: [92, 7, 8],
    targets: [7, 8, 1],
    counted: [[0, 3]],
  });
  assert.equal(countedPositions(response), 3);
  assert.equal(countedPositions(responseRow(model, [5], [7, 8, 1], [[0, 1], [2, 3]])), 2);
});

Deno.test("packing puts 0 where a position does not count; unpacking undoes it", () => {
  const rows = [row(2, 3, [[1, 3]]), row(2, 4, [[1, 4]])];
  assert.deepEqual(rows.map(countedPositions), [2, 3]);
  const counted = [Float32Array.of(1, 2), Float32Array.of(3, 4, 5)];
  const packed = packPositions(rows, counted);
  assert.deepEqual([...packed], [0, 1, 2, 0, 3, 4, 5]);
  assert.deepEqual(unpackPositions(rows, packed), counted);
});

Deno.test("counted positions may be apart, or none", () => {
  const rows = [row(2, 5, [[0, 1], [3, 5]]), row(2, 2, []), row(2, 2, [[0, 2]])];
  assert.deepEqual(rows.map(countedPositions), [3, 0, 2]);
  const counted = [Float32Array.of(1, 2, 3), Float32Array.of(), Float32Array.of(4, 5)];
  const packed = packPositions(rows, counted);
  assert.deepEqual([...packed], [1, 0, 0, 2, 3, 0, 0, 4, 5]);
  assert.deepEqual(unpackPositions(rows, packed), counted);
  assert.deepEqual([...packedMask(rows)], [1, 0, 0, 1, 1, 0, 0, 1, 1]);
  assert.deepEqual(atCounted(rows[0], Float32Array.of(9, 8, 7, 6, 5)), Float32Array.of(9, 6, 5));
});

Deno.test("passes hold all rows in their order, and end as soon as they have 4096 tokens", () => {
  const [a, b, c, d, e] = [row(4000, 96), row(1000, 1), row(3000, 94), row(1, 1), row(5, 5)];
  // 4096, then 1001 + 3094 = 4095, which one more row completes.
  assert.deepEqual([...passes([a, b, c, d, e])], [[a], [b, c, d], [e]]);
  assert.deepEqual(Array.from(passes([])), []);
});
