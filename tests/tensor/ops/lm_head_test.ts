import assert from "node:assert/strict";
import { Random } from "../../../lib/random.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { lmHead } from "../../../lib/tensor/ops/lm_head.ts";
import { WeightMatrix } from "../../../lib/tensor/weight.ts";
import { checkOp } from "../../check_op.ts";
import { withDevice } from "../../device.ts";
import { assertClose, fromBf16, randomValues, toBf16 } from "../../reference/check.ts";
import { linearBackwardReference, linearReference } from "../../reference/linear.ts";
import { logSoftmaxBackwardReference, logSoftmaxReference } from "../../reference/log_softmax.ts";
import { freeze } from "../freeze.ts";

const TOLERANCE = 2e-6;

/** Rows, vocabulary, width: one token; a second chunk of columns; of rows; of both (once). */
const SHAPES = [
  [1, 1, 1],
  [7, 61, 24],
  [3, 4099, 5],
  [1027, 33, 6],
  [1025, 4097, 2],
];

for (const frozen of ["f32", "bf16", null] as const) {
  const name = frozen ? `frozen ${frozen}` : "trainable";
  Deno.test(`lmHead: logprobs, entropy and gradients, ${name} weight`, () =>
    withDevice(async (device) => {
      for (const [m, n, k] of frozen ? SHAPES.slice(0, -1) : SHAPES) {
        const random = new Random(n);
        const x = randomValues(random, m * k, 2);
        const exact = randomValues(random, n * k, 2);
        const w = frozen === "bf16" ? fromBf16(toBf16(exact)) : exact;
        const targets = Int32Array.from({ length: m }, () => random.integer(0, n));
        targets[m - 1] = n - 1;
        const dOutput = randomValues(random, m);
        const product = { x, w, m, n, k };
        const logits = linearReference(product);
        const { logprobs, entropy } = logSoftmaxReference(logits, targets);
        const dLogits = logSoftmaxBackwardReference(logits, targets, dOutput);
        const gradients = linearBackwardReference(product, dLogits);

        const weight = frozen && freeze(device, w, n, k, frozen);
        const hidden = { name: "hidden", values: x, shape: [m, k] };
        await checkOp(device, {
          inputs: weight ? [hidden] : [hidden, { name: "weight", values: w, shape: [n, k] }],
          op: (cx, hidden, values) =>
            lmHead(cx, hidden, weight ?? WeightMatrix.trainable(values), cx.from(targets)).logprobs,
          output: logprobs,
          dOutput,
          gradients: weight ? [gradients.x] : [gradients.x, gradients.w],
          tolerance: TOLERANCE,
        });

        const cx = new Context(device);
        const matrix = weight ?? WeightMatrix.trainable(cx.from(Float32Array.from(w), [n, k]));
        const said = lmHead(cx, cx.from(Float32Array.from(x), [m, k]), matrix, cx.from(targets));
        assertClose(await said.entropy.read(), entropy, TOLERANCE, "entropy");
        const means = Array.from({ length: m }, (_, row) => {
          const own = logits.subarray(row * n, (row + 1) * n);
          return own.reduce((sum, logit) => sum + logit / n, 0);
        });
        const found = await said.meanLogits().read();
        // Their mean cancels: errors are those of the logits.
        const largest = logits.reduce((max, logit) => Math.max(max, Math.abs(logit)), 0);
        means.forEach((mean, row) =>
          assert.ok(Math.abs(found[row] - mean) <= TOLERANCE * largest, `mean of row ${row}`)
        );
        cx.release();
        weight?.dispose(device);
      }
    }));
}
