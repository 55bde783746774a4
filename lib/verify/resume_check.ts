import { type Policy, readAdapterValues, savePolicy } from "../models/policy.ts";
import { readValueHead } from "../formats/peft.ts";
import { cacheDirectory } from "../platform/cache_directory.ts";
import type { PPOTrainer } from "../rl/ppo_trainer.ts";
import {
  type Checkpointed,
  findCheckpoint,
  restoreCheckpoint,
  saveCheckpoint,
} from "../runs/folder/checkpoint.ts";
import { ppoTrainer, promptOfEach, randomPolicy, type Subject } from "./subject.ts";

const MAX_NEW_TOKENS = 8;

/**
 * Takes two PPO steps in a row, and again with a checkpoint between them, from which a trainer that
 * knows nothing goes on: both end with the same parameters, bit for bit.
 *
 * @throws Error naming the first parameter that differs
 */
export async function continuesExactly(subject: Subject): Promise<string> {
  await Deno.mkdir(cacheDirectory(), { recursive: true });
  const folder = await Deno.makeTempDir({ dir: cacheDirectory(), prefix: "verify-" });
  const trainers: PPOTrainer[] = [];
  const policies: Policy[] = [];
  const make = () => {
    const policy = randomPolicy(subject.policy);
    const trainer = ppoTrainer(policy, promptOfEach(subject).length);
    policies.push(policy);
    trainers.push(trainer);
    return trainer;
  };
  try {
    const whole = make();
    await step(whole, subject, 1);
    await saveCheckpoint(folder, checkpointed(whole), stateOf(whole));
    await step(whole, subject, 2);

    const resumed = make();
    const checkpoint = await findCheckpoint(folder, () => {});
    await restoreCheckpoint(checkpoint!, checkpointed(resumed));
    await step(resumed, subject, 2);

    const [expected, actual] = [
      await whole.parameters.readAll(),
      await resumed.parameters.readAll(),
    ];
    for (const [name, { data }] of expected) {
      const other = actual.get(name)!.data;
      if (data.every((value, i) => Object.is(value, other[i]))) continue;
      throw new Error(`${name} is another one after resuming`);
    }
    return `${whole.parameters.count} parameters after a PPO step from a checkpoint`;
  } finally {
    for (const trainer of trainers) trainer.dispose();
    for (const { parameters } of policies) parameters.dispose();
    await Deno.remove(folder, { recursive: true });
  }
}

async function step(trainer: PPOTrainer, subject: Subject, seed: number): Promise<void> {
  const queries = promptOfEach(subject);
  const rollouts = await trainer.generate(queries, {
    maxNewTokens: Math.min(MAX_NEW_TOKENS, subject.newTokens),
    doSample: true,
    seed,
  });
  const responses = rollouts.map(({ tokens }) => tokens);
  const scores = queries.map((_, row) => row % 3 - 1);
  await trainer.step(queries, responses, scores, rollouts);
}

function checkpointed(trainer: PPOTrainer): Checkpointed {
  return {
    trainer,
    writeTrained: (folder) => savePolicy(trainer.policy, folder, "verified"),
    async *readTrained(folder) {
      yield* readAdapterValues(folder);
      const valueHead = (await readValueHead(folder))!;
      yield ["v_head.summary.weight", valueHead.weight];
      yield ["v_head.summary.bias", Float32Array.of(valueHead.bias)];
    },
  };
}

function stateOf(trainer: PPOTrainer) {
  return {
    step: trainer.stepsDone,
    trainer: trainer.state(),
    optimizerSteps: trainer.optimizer.stepCount,
    prompts: null,
    window: { sum: 0, count: 0 },
    best: null,
    skipped: 0,
    seconds: 0,
  };
}
