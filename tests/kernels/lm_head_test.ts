import assert from "node:assert/strict";
import {
  type LogitsChunk,
  logSoftmaxBackward,
  logSoftmaxChunk,
  logSoftmaxFinish,
} from "../../kernels/lm_head/lm_head.ts";
import { LOG_SOFTMAX_STATE } from "../../kernels/lm_head/signatures.ts";
import type { Device } from "../../lib/device/device.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import { logSoftmaxBackwardReference, logSoftmaxReference } from "../reference/log_softmax.ts";

const TOLERANCE = 1e-6;

/** Runs the kernels on logits cut into chunks, each with gaps between its rows. */
async function run(
  device: Device,
  logits: Float32Array,
  targets: number[],
  widths: number[],
  dLogprobs: Float32Array,
) {
  const cx = new Context(device);
  const rows = targets.length;
  const columns = logits.length / rows;
  let columnStart = 0;
  const chunks: LogitsChunk[] = widths.map((width) => {
    const stride = width + 3;
    const data = new Float32Array(rows * stride).fill(1e6);
    for (let row = 0; row < rows; row++) {
      const from = row * columns + columnStart;
      data.set(logits.subarray(from, from + width), row * stride);
    }
    columnStart += width;
    return {
      ...{ logits: cx.from(data), rows, columns: width, stride },
      ...{ columnStart: columnStart - width, targets: cx.from(Int32Array.from(targets)) },
    };
  });
  const state = cx.empty([rows, LOG_SOFTMAX_STATE]);
  chunks.forEach((chunk, i) => logSoftmaxChunk(device, chunk, state, i === 0));
  const [logprobs, entropy, lse] = [0, 0, 0].map(() => cx.empty([rows]));
  logSoftmaxFinish(device, state, rows, { logprobs, entropy, lse });
  const gradient = cx.from(dLogprobs);
  const dLogits = new Float32Array(logits.length);
  for (const chunk of chunks) {
    logSoftmaxBackward(device, chunk, lse, gradient);
    const bytes = await device.read(chunk.logits, rows * chunk.stride * 4);
    const values = new Float32Array(bytes.buffer);
    for (let row = 0; row < rows; row++) {
      const part = values.subarray(row * chunk.stride, row * chunk.stride + chunk.columns);
      dLogits.set(part, row * columns + chunk.columnStart);
      assert.equal(values[row * chunk.stride + chunk.columns], 1e6, "wrote beyond the chunk");
    }
  }
  const result = { logprobs: await logprobs.read(), entropy: await entropy.read(), dLogits };
  cx.release();
  return result;
}

for (
  const { rows, widths, size } of [
    { rows: 1, widths: [1], size: 1 },
    { rows: 3, widths: [7], size: 2 },
    { rows: 5, widths: [512, 3, 189], size: 8 },
    { rows: 9, widths: [2048, 2048, 1030], size: 40 },
  ]
) {
  deviceTest(`log-softmax of ${rows} rows in chunks of ${widths.join(", ")}`, async (device) => {
    const columns = widths.reduce((a, b) => a + b);
    const logits = randomValues(rows * columns, 1).map((x) => x * size);
    const targets = Array.from({ length: rows }, (_, row) => (row * 997) % columns);
    const dLogprobs = randomValues(rows, 2);
    dLogprobs[rows - 1] = rows > 1 ? 0 : 1;
    const actual = await run(device, logits, targets, widths, dLogprobs);
    const expected = logSoftmaxReference(logits, targets);
    assert.ok(relativeNorm(actual.logprobs, expected.logprobs) < TOLERANCE);
    assert.ok(relativeNorm(actual.entropy, expected.entropy) < TOLERANCE);
    const dLogits = logSoftmaxBackwardReference(logits, targets, dLogprobs);
    // p is off by the rounding of the log-sum-exp, which is as large as the logits.
    assert.ok(relativeNorm(actual.dLogits, dLogits) < TOLERANCE * Math.max(1, size / 10));
  });
}

deviceTest("log-softmax: a row's result does not depend on the other rows", async (device) => {
  const logits = randomValues(40 * 1000, 3);
  const targets = Array.from({ length: 40 }, (_, row) => row * 7);
  const ones = new Float32Array(40).fill(1);
  const all = await run(device, logits, targets, [600, 400], ones);
  const one = await run(device, logits.slice(23000, 24000), [161], [600, 400], ones.slice(39));
  assert.equal(one.logprobs[0], all.logprobs[23]);
  assert.equal(one.entropy[0], all.entropy[23]);
  assert.deepEqual(one.dLogits, all.dLogits.slice(23000, 24000));
});

Deno.test("log-softmax: the reference's gradient is that of finite differences", () => {
  const logits = Array.from(randomValues(3 * 5, 4));
  const targets = [0, 4, 2];
  const dLogprobs = randomValues(3, 5);
  const loss = (x: number[]) =>
    logSoftmaxReference(x, targets).logprobs.reduce((sum, v, i) => sum + v * dLogprobs[i], 0);
  const slopes = logits.map((_, i) => {
    const moved = (by: number) => loss(logits.map((x, j) => i === j ? x + by : x));
    return (moved(1e-5) - moved(-1e-5)) / 2e-5;
  });
  assert.ok(relativeNorm(slopes, logSoftmaxBackwardReference(logits, targets, dLogprobs)) < 1e-8);
});
