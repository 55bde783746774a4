import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Device } from "../../lib/device/device.ts";
import type { Policy } from "../../lib/models/policy.ts";
import { nllLoss } from "../../lib/sft/nll_loss.ts";
import { forwardBackward, predict } from "../../lib/training/token_pass.ts";
import { responseRow, type TokenRow } from "../../lib/training/token_rows.ts";
import { deviceTest } from "../device.ts";
import { relativeNorm } from "../numeric.ts";
import { randomPolicy } from "../rl/demo_policy.ts";

/** Models of both kinds, some with windows that are shorter than the prompts. */
const MODELS: Record<string, [dir: string, layers: string[] | "all-linear"]> = {
  t5: ["../../demo/tiny-flan-t5", ["q", "v"]],
  llama: ["../golden_causal/cases/llama/checkpoint", "all-linear"],
  gemma3: ["../golden_causal/cases/gemma3/checkpoint", "all-linear"],
};

const tokens = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => 3 + (i * 37 + seed * 11) % 200);
const [a, b, c, short] = [[40, 1], [7, 2], [33, 3], [1, 4]].map(([n, seed]) => tokens(n, seed));
/** Prompts of groups that do not lie together; a decoder reads nothing of the shortest. */
const QUERIES = [a, short, b, a, c, short, b, a, b];
const RESPONSES = QUERIES.map((_, i) => tokens(12 - i, i + 9));

/** Runs a body with a policy, its rows, and the prompts that it reads. */
async function withRows(
  device: Device,
  [dir, layers]: (typeof MODELS)[string],
  body: (policy: Policy, rows: readonly TokenRow[], read: number[][]) => Promise<void>,
): Promise<void> {
  const policy = await randomPolicy(device, fileURLToPath(new URL(dir, import.meta.url)), layers);
  const { model } = policy;
  const { prefill } = model;
  const read: number[][] = [];
  model.prefill = (cx, prompts, ...rest) => {
    read.push(...prompts.map((prompt) => [...prompt]));
    return prefill.call(model, cx, prompts, ...rest);
  };
  await body(policy, QUERIES.map((query, i) => responseRow(model, query, RESPONSES[i])), read);
}

/** Log-probabilities and the gradient of a pass over rows that count for a part of the batch. */
async function pass(policy: Policy, rows: readonly TokenRow[], activationMemory: number | null) {
  policy.parameters.zeroGrad();
  const tokens = rows.reduce((sum, { targets }) => sum + targets.length, 0);
  const share = { tokens, of: RESPONSES.flat().length };
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

for (const [name, model] of Object.entries(MODELS)) {
  deviceTest(
    `rows that share prompts have the log-probabilities of separate rows: ${name}`,
    (device) =>
      withRows(device, model, async (policy, rows, read) => {
        const together = await predict(policy, rows);
        assert.deepEqual(read, [a, short, b, c]);
        for (const [i, row] of rows.entries()) {
          assert.deepEqual(await predict(policy, [row]), [together[i]]);
        }
      }),
  );

  deviceTest(
    `a shared prompt's gradient is the sum over its rows: ${name}`,
    (device) =>
      withRows(device, model, async (policy, rows, read) => {
        const together = await pass(policy, rows, null);
        assert.deepEqual(read, [a, short, b, c]);
        // Layers that are computed again share as well, and give the same bits.
        assert.deepEqual(await pass(policy, rows, 0.01), together);
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
}
