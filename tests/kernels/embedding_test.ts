import assert from "node:assert/strict";
import { Random } from "../../lib/random.ts";
import { Context } from "../../lib/tensor/context.ts";
import { embedding, embeddingSum } from "../../lib/tensor/ops/embedding.ts";
import { Tensor } from "../../lib/tensor/tensor.ts";
import { checkOp } from "../check_op.ts";
import { freeze } from "../tensor/freeze.ts";
import { deviceTest } from "../device.ts";
import { assertIsGradient, dot, fromBf16, randomValues, toBf16 } from "../reference/check.ts";
import * as reference from "../reference/embedding.ts";

function randomIds(random: Random, count: number, rows: number): Int32Array {
  return Int32Array.from({ length: count }, () => random.integer(0, rows));
}

for (const [count, rows, width] of [[1, 1, 1], [5, 9, 7], [700, 50, 67], [3, 11, 768]]) {
  deviceTest(
    `embedding: ${count} rows of [${rows}, ${width}], output and gradient`,
    async (device) => {
      const random = new Random(1);
      const table = randomValues(random, rows * width);
      const ids = randomIds(random, count, rows);
      const dOutput = randomValues(random, count * width);
      const dTable = new Float64Array(rows * width);
      reference.embeddingBackward(dTable, dOutput, ids, width);
      await checkOp(device, {
        inputs: [{ name: "table", values: table, shape: [rows, width] }],
        op: (cx, t) => embedding(cx, t, cx.from(ids)),
        output: reference.embedding(table, ids, width),
        dOutput,
        gradients: [dTable],
        tolerance: 1e-6,
      });
    },
  );
}

deviceTest("embeddingSum: three tables, one of them used twice", async (device) => {
  const random = new Random(2);
  const [count, width] = [6, 5];
  const tables = [randomValues(random, 4 * width), randomValues(random, 3 * width)];
  const ids = [
    randomIds(random, count, 4),
    randomIds(random, count, 3),
    randomIds(random, count, 4),
  ];
  const parts = [tables[0], tables[1], tables[0]]
    .map((table, i) => reference.embedding(table, ids[i], width));
  const dOutput = randomValues(random, count * width);
  const gradients = tables.map((table) => new Float64Array(table.length));
  reference.embeddingBackward(gradients[0], dOutput, ids[0], width);
  reference.embeddingBackward(gradients[1], dOutput, ids[1], width);
  reference.embeddingBackward(gradients[0], dOutput, ids[2], width);
  await checkOp(device, {
    inputs: [
      { name: "words", values: tables[0], shape: [4, width] },
      { name: "types", values: tables[1], shape: [3, width] },
    ],
    op: (cx, words, types) =>
      embeddingSum(cx, [
        { table: words, ids: cx.from(ids[0]) },
        { table: types, ids: cx.from(ids[1]) },
        { table: words, ids: cx.from(ids[2]) },
      ]),
    output: parts[0].map((value, i) => value + parts[1][i] + parts[2][i]),
    dOutput,
    gradients,
    tolerance: 1e-6,
  });
});

deviceTest("embedding: a bf16 table gives its values exactly", async (device) => {
  const random = new Random(3);
  for (const width of [1, 6, 64]) {
    const table = toBf16(randomValues(random, 8 * width));
    const ids = randomIds(random, 20, 8);
    const cx = new Context(device);
    const memory = cx.empty([8, width], "bf16");
    memory.write(table);
    const out = await embedding(cx, memory, cx.from(ids)).read();
    assert.deepEqual(Float64Array.from(out), reference.embedding(fromBf16(table), ids, width));
    const twice = await embeddingSum(cx, [
      { table: memory, ids: cx.from(ids) },
      { table: memory, ids: cx.from(ids) },
    ]).read();
    assert.deepEqual([...twice], [...out].map((value) => 2 * value));
    cx.release();
  }
});

deviceTest("embedding: ids outside the table read nothing", async (device) => {
  const cx = new Context(device, { grad: true });
  const memory = cx.from(new Float32Array([9, 9, 1, 2, 3, 4, 9, 9]), [4, 2]);
  const table = new Tensor(device, memory.buffer, [2, 2], "f32", 8);
  table.requiresGrad = true;
  // Its own context: the pass frees what it made.
  table.grad = new Context(device).from(new Float32Array(8), [4, 2]).slice(1, 2);
  const out = embedding(cx, table, cx.from(new Int32Array([-1, 1, 2, 2 ** 31 - 1])));
  assert.deepEqual([...await out.read()], [0, 0, 3, 4, 0, 0, 0, 0]);
  const gradient = cx.from(new Float32Array(8).fill(1), [4, 2]);
  cx.backward([{ output: out, gradient }]);
  assert.deepEqual([...await table.grad.read()], [0, 0, 1, 1]);
});

Deno.test("reference: embedding's gradient", () => {
  const random = new Random(4);
  const table = randomValues(random, 5 * 3);
  const ids = new Int32Array([4, 0, 4]);
  const weights = randomValues(random, 9);
  const gradient = new Float64Array(15);
  reference.embeddingBackward(gradient, weights, ids, 3);
  assertIsGradient(
    () => dot(reference.embedding(table, ids, 3), weights),
    table,
    gradient,
    "table",
  );
});

for (const dtype of ["f32", "bf16"] as const) {
  deviceTest(`embedding: rows of a ${dtype} weight that is a head as well`, async (device) => {
    for (const [rows, width] of [[1, 1], [37, 5], [64, 20]]) {
      const random = new Random(rows);
      const exact = randomValues(random, rows * width);
      const values = dtype === "bf16" ? fromBf16(toBf16(exact)) : exact;
      const ids = Int32Array.from({ length: rows + 1 }, (_, i) => rows - i); // the first is outside
      const weight = freeze(device, Float32Array.from(values), rows, width, dtype);
      const cx = new Context(device);
      const out = embeddingSum(cx, [1, 2].map(() => ({ table: weight, ids: cx.from(ids) })));
      const inside = reference.embedding(values, ids.subarray(1), width).map((value) => 2 * value);
      assert.deepEqual([...await out.read()], [...new Float64Array(width), ...inside]);
      cx.release();
      weight.dispose(device);
    }
  });
}

deviceTest("embedding: the padding's row gets no gradient", async (device) => {
  const random = new Random(4);
  const [rows, width] = [4, 3];
  const ids = Int32Array.of(2, 0, 2, 1, 3, 1);
  const table = randomValues(random, rows * width);
  const dOutput = randomValues(random, ids.length * width);
  const dTable = new Float64Array(rows * width);
  reference.embeddingBackward(dTable, dOutput, ids, width);
  dTable.fill(0, 2 * width, 3 * width);
  await checkOp(device, {
    inputs: [{ name: "table", values: table, shape: [rows, width] }],
    op: (cx, t) => embedding(cx, t, cx.from(ids), 2),
    output: reference.embedding(table, ids, width),
    dOutput,
    gradients: [dTable],
    tolerance: 1e-6,
  });
});
