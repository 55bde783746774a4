import { fileURLToPath } from "node:url";
import type { Device } from "../../lib/device/device.ts";
import { createPolicy, type Policy } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { Random } from "../../lib/random.ts";

/** The demo's model with an adapter and a value head of random values, so that neither is idle. */
export function demoPolicy(device: Device): Promise<Policy> {
  const dir = fileURLToPath(new URL("../../demo/tiny-flan-t5", import.meta.url));
  return randomPolicy(device, dir, ["q", "v"]);
}

/** Any model with an adapter of these layers and a value head, of random values. */
export async function randomPolicy(
  device: Device,
  dir: string,
  targetModules: string[] | "all-linear",
): Promise<Policy> {
  const model = await loadLanguageModel(device, dir);
  const lora = { r: 4, loraAlpha: 8, loraDropout: 0.1, targetModules };
  const policy = createPolicy(model, lora, 1);
  const random = new Random(1);
  for (const name of policy.parameters.names) {
    const { length } = policy.parameters.get(name);
    const values = Float32Array.from({ length }, () => (random.uniform() - 0.5) / 5);
    policy.parameters.write(name, values);
  }
  return policy;
}

/** Rollouts for `PPOTrainer.step`. */
export interface Batch {
  queries: number[][];
  responses: number[][];
  scores: number[];
}

/** A batch of random tokens, no two rows of the same lengths. */
export function randomBatch(rows: number, seed = 1): Batch {
  const random = new Random(seed);
  const tokens = (length: number) => [
    ...Array.from({ length: length - 1 }, () => random.integer(3, 650)),
    1,
  ];
  const batch: Batch = { queries: [], responses: [], scores: [] };
  for (let row = 0; row < rows; row++) {
    batch.queries.push(tokens(6 + 2 * row));
    batch.responses.push(tokens(11 - row));
    batch.scores.push(4 * random.uniform() - 2);
  }
  return batch;
}

/** The given rows of a batch, in that order. */
export function pick({ queries, responses, scores }: Batch, rows: readonly number[]): Batch {
  return {
    queries: rows.map((row) => queries[row]),
    responses: rows.map((row) => responses[row]),
    scores: rows.map((row) => scores[row]),
  };
}
