import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import type { Policy } from "../../lib/models/policy.ts";
import { nllLoss } from "../../lib/sft/nll_loss.ts";
import { forwardBackward, predict } from "../../lib/training/token_pass.ts";
import { responseRow, type TokenRow } from "../../lib/training/token_rows.ts";
import { deviceTest } from "../device.ts";
import { relativeNorm } from "../numeric.ts";
import { demoPolicy, randomBatch } from "../rl/demo_policy.ts";

const { queries: [a, b, c], responses } = randomBatch(7);

/** Rows of groups that do not lie together. */
const QUERIES = [a, b, a, c, b, a, b];

/** Runs a body with a policy, its rows, and the prompts that it reads. */
async function withRows(
  device: Device,
  body: (policy: Policy, rows: readonly TokenRow[], read: number[][]) => Promise<void>,
): Promise<void> {
  const policy = await demoPolicy(device);
  const { model } = policy;
  const { prefill } = model;
  const read: number[][] = [];
  model.prefill = (cx, prompts, ...rest) => {
    read.push(...prompts.map((prompt) => [...prompt]));
    return prefill.call(model, cx, prompts, ...rest);
  };
  await body(policy, QUERIES.map((query, i) => responseRow(model, query, responses[i])), read);
}

/** Log-probabilities and the gradient of a pass over rows that count for a part of a batch of 7. */
async function pass(policy: Policy, rows: readonly TokenRow[], activationMemory: number | null) {
  policy.parameters.zeroGrad();
  const tokens = rows.reduce((sum, { targets }) => sum + targets.length, 0);
  const share = { tokens, of: responses.flat().length };
  const options = { activationMemory };
  const { logprobs } = forwardBackward(
    { ...policy, valueHead: null },
    rows,
    nllLoss,
    {},
    share,
    options,
  );
  return { logprobs: await logprobs, gradient: await policy.parameters.gradients!.read() };
}

deviceTest(
  "rows that share prompts have the log-probabilities of separate rows",
  (device) =>
    withRows(device, async (policy, rows, read) => {
      const together = await predict(policy, rows);
      assert.deepEqual(read, [a, b, c]);
      for (const [i, row] of rows.entries()) {
        assert.deepEqual(await predict(policy, [row]), [together[i]]);
      }
    }),
);

deviceTest(
  "a shared prompt is read once in training; its gradient is the sum over its rows",
  (device) =>
    withRows(device, async (policy, rows, read) => {
      const together = await pass(policy, rows, null);
      assert.deepEqual(read, [a, b, c]);
      // Layers that are computed again share as well, and give the same bits.
      assert.deepEqual(await pass(policy, rows, 0.1), together);
      assert.deepEqual(await pass(policy, rows, null), together);

      const sum = new Float64Array(together.gradient.length);
      for (const [i, row] of rows.entries()) {
        const alone = await pass(policy, [row], null);
        assert.deepEqual(alone.logprobs, [together.logprobs[i]]);
        alone.gradient.forEach((value, at) => sum[at] += value);
      }
      assert.ok(relativeNorm(together.gradient, sum) < 1e-5);
    }),
);
