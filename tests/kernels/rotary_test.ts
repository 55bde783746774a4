import assert from "node:assert/strict";
import { Random } from "../../lib/random.ts";
import { Context } from "../../lib/tensor/context.ts";
import { gatedActivation } from "../../lib/tensor/ops/activation.ts";
import { rotary } from "../../lib/tensor/ops/rotary.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { checkOp } from "../check_op.ts";
import { deviceTest } from "../device.ts";
import { assertClose, assertIsGradient, dot, randomValues } from "../reference/check.ts";
import { rmsNorm, rmsNormBackward } from "../reference/rms_norm.ts";
import * as reference from "../reference/rotary.ts";

const EPS = 1e-6;
/** Positions in a table. */
const LENGTH = 50;

/** Rows, heads, heads of the keys, size of a head. */
const SHAPES = [[1, 1, 1, 2], [3, 5, 1, 6], [29, 4, 2, 20], [7, 9, 3, 64], [2, 3, 1, 256]];

interface Case {
  random: Random;
  table: Float64Array;
  positions: Int32Array<ArrayBuffer>;
}

function setUp(rows: number, headSize: number): Case {
  const random = new Random(rows + headSize);
  const frequencies = randomValues(random, headSize / 2);
  const table = reference.rotaryTable(frequencies, LENGTH).map(Math.fround);
  const positions = Int32Array.from({ length: rows }, (_, i) => (i * 17 + 3) % LENGTH);
  return { random, table, positions };
}

function onDevice(cx: Context, { table, positions }: Case, headSize: number) {
  return {
    table: cx.from(Float32Array.from(table), [LENGTH, headSize]),
    positions: cx.from(positions, [positions.length, 1]),
  };
}

for (const [rows, heads, , headSize] of SHAPES) {
  const width = heads * headSize;
  deviceTest(`rotary: ${rows} x ${heads} x ${headSize}, output and gradient`, async (device) => {
    const c = setUp(rows, headSize);
    const x = randomValues(c.random, rows * width);
    const dOutput = randomValues(c.random, rows * width);
    await checkOp(device, {
      inputs: [{ name: "x", values: x, shape: [rows, width] }],
      op: (cx, k) => rotary(cx, { q: null, k }, onDevice(cx, c, headSize)).k,
      output: reference.rotate(x, c.table, c.positions, headSize),
      dOutput,
      gradients: [reference.rotate(dOutput, c.table, c.positions, headSize, -1)],
      tolerance: 5e-7,
    });
  });

  for (const weightOffset of [0, 1]) {
    deviceTest(
      `rotary: ${rows} x ${heads} x ${headSize} after norms of ${weightOffset} + w`,
      async (device) => {
        const c = setUp(rows, headSize);
        const x = randomValues(c.random, rows * width, 3);
        const weight = randomValues(c.random, headSize, 2);
        const dOutput = randomValues(c.random, rows * width);
        const dNormed = reference.rotate(dOutput, c.table, c.positions, headSize, -1);
        const { dx, dWeight } = rmsNormBackward(dNormed, x, weight, EPS, weightOffset);
        const normed = rmsNorm(x, weight, EPS, weightOffset);
        await checkOp(device, {
          inputs: [
            { name: "x", values: x, shape: [rows, width] },
            { name: "weight", values: weight, shape: [headSize] },
          ],
          op: (cx, k, weight) => {
            const norm = { weight, eps: EPS, weightOffset };
            const norms = { q: norm, k: norm };
            return rotary(cx, { q: null, k }, { ...onDevice(cx, c, headSize), norms }).k;
          },
          output: reference.rotate(normed, c.table, c.positions, headSize),
          dOutput,
          gradients: [dx, dWeight],
          tolerance: 3e-6,
        });
      },
    );
  }
}

deviceTest("rotary: queries and keys at once as one by one, keys into slots", async (device) => {
  for (const [rows, heads, keyHeads, headSize] of SHAPES) {
    for (const withNorms of [false, true]) {
      const cx = new Context(device);
      const c = setUp(rows, headSize);
      const values = (length: number) => Float32Array.from(randomValues(c.random, length));
      const angles = onDevice(cx, c, headSize);
      const filled = (...shapes: number[][]) => {
        const tensors = cx.emptyTogether(shapes);
        for (const tensor of tensors) tensor.write(values(tensor.length));
        return tensors;
      };
      const [qNorm, kNorm] = filled([headSize], [headSize])
        .map((weight) => ({ weight, eps: EPS }));
      const norms = withNorms ? { q: qNorm, k: kNorm } : null;
      const [q, k] = filled([rows, heads * headSize], [rows, keyHeads * headSize]);
      const alone = (x: Tensor, norm?: { weight: Tensor; eps: number }) =>
        rotary(cx, { q: null, k: x }, { ...angles, norms: norm ? { q: norm, k: norm } : null }).k;
      const [expectedQ, expectedK] = [
        await alone(q, norms?.q).read(),
        await alone(k, norms?.k).read(),
      ];

      // In one launch, and in one each.
      for (const keys of [k, cx.from(await k.read(), k.shape)]) {
        const both = rotary(cx, { q, k: keys }, { ...angles, norms });
        assert.deepEqual(await both.q.read(), expectedQ);
        assert.deepEqual(await both.k.read(), expectedK);
      }

      const places = Int32Array.from({ length: rows }, (_, i) => 2 * (rows - i) - 1);
      const slots = {
        k: cx.from(new Float32Array(2 * k.length).fill(7), [2 * rows, k.width]),
        rows: cx.from(places),
      };
      const wanted = new Float32Array(2 * k.length).fill(7);
      places.forEach((to, row) =>
        wanted.set(expectedK.subarray(row * k.width, (row + 1) * k.width), to * k.width)
      );
      const placed = rotary(cx, { q, k }, { ...angles, norms }, slots);
      assert.equal(placed.k, slots.k);
      assert.deepEqual(await placed.q.read(), expectedQ);
      assert.deepEqual(await slots.k.read(), wanted);

      // One row, as in decoding.
      const last = { table: angles.table, positions: angles.positions.slice(rows - 1, 1), norms };
      const one = rotary(cx, { q: q.slice(rows - 1, 1), k: k.slice(rows - 1, 1) }, last);
      assert.deepEqual(await one.q.read(), expectedQ.slice((rows - 1) * q.width));
      assert.deepEqual(await one.k.read(), expectedK.slice((rows - 1) * k.width));
      cx.release();
    }
  }
});

deviceTest("rotary: gradients of queries and keys in one pass", async (device) => {
  const [rows, heads, keyHeads, headSize] = [11, 6, 2, 8];
  const c = setUp(rows, headSize);
  const cx = new Context(device, { grad: true });
  const inputs = [heads, keyHeads].map((count) => {
    const tensor = cx.from(
      Float32Array.from(randomValues(c.random, rows * count * headSize)),
      [rows, count * headSize],
    );
    tensor.requiresGrad = true;
    // Of its own context: the pass frees what it made.
    tensor.grad = new Context(device).from(new Float32Array(tensor.length), tensor.shape);
    return tensor;
  });
  const { q, k } = rotary(cx, { q: inputs[0], k: inputs[1] }, onDevice(cx, c, headSize));
  const gradients = [q, k].map(({ length }) => randomValues(c.random, length));
  cx.backward([q, k].map((output, i) => ({
    output,
    gradient: cx.from(Float32Array.from(gradients[i]), output.shape),
  })));
  for (const [i, { grad }] of inputs.entries()) {
    const expected = reference.rotate(gradients[i], c.table, c.positions, headSize, -1);
    assertClose(await grad!.read(), expected, 5e-7, i === 0 ? "queries" : "keys");
  }
  cx.release();
});

deviceTest(
  "rotary: a layer computes heads after norms again, with the same gradients",
  async (device) => {
    const [rows, heads, headSize] = [7, 2, 8];
    const c = setUp(rows, headSize);
    const values = Float32Array.from(randomValues(c.random, rows * heads * headSize));
    const weights = Float32Array.from(randomValues(c.random, headSize));
    const gradients = [];
    for (const inLayer of [true, false]) {
      const cx = new Context(device, { grad: true });
      const outer = new Context(device);
      const parameter = (data: Float32Array<ArrayBuffer>, shape: number[]) => {
        const tensor = outer.from(data, shape);
        tensor.requiresGrad = true;
        tensor.grad = outer.from(new Float32Array(data.length), shape);
        return tensor;
      };
      const x = parameter(values, [rows, heads * headSize]);
      const norm = { weight: parameter(weights, [headSize]), eps: EPS };
      const angles = onDevice(cx, c, headSize);
      const body = (h: Tensor) => {
        const { q, k } = rotary(cx, { q: h, k: h }, { ...angles, norms: { q: norm, k: norm } });
        return gatedActivation(cx, q, k, "silu");
      };
      const before = device.memory.used;
      const output = inLayer ? cx.layer(x, body) : body(x);
      const kept = device.memory.used - before;
      // The output and one value of each head; else also the rotated heads.
      const whole = x.length * 4;
      assert.ok(inLayer ? kept < 3 * whole : kept >= 3 * whole, `${kept} bytes for ${whole}`);
      cx.backward([{ output, gradient: outer.from(values, output.shape) }]);
      gradients.push([await x.grad!.read(), await norm.weight.grad!.read()]);
      cx.release();
      outer.release();
    }
    assert.deepEqual(gradients[0], gradients[1]);
  },
);

Deno.test("reference: rotate's gradient", () => {
  const { random, table, positions } = setUp(3, 6);
  const x = randomValues(random, 3 * 12);
  const dy = randomValues(random, 3 * 12);
  const f = () => dot(reference.rotate(x, table, positions, 6), dy);
  assertIsGradient(f, x, reference.rotate(dy, table, positions, 6, -1), "dx");
});
