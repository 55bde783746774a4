import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import { fingerprint } from "../formats/fingerprint.ts";
import type { LoraConfig } from "../formats/lora_config.ts";
import type { Generated } from "../generation/generate.ts";
import { callNullableReward } from "../rewards/reward.ts";
import { fileOf, readyName } from "../rewards/ready/ready.ts";
import type { WeightedReward } from "../rewards/weighted_rewards.ts";
import type { Generator } from "../runs/kinds/fleet/generator.ts";
import { runKind } from "../runs/kinds/registry.ts";
import type { DatasetHooks } from "../runs/loading/dataset.ts";
import { locate } from "../runs/loading/locate.ts";
import { isScript, loadRewards, locateReward } from "../runs/loading/rewards.ts";
import { z } from "../packages/zod.ts";
import type { RunEntry, Work } from "./messages.ts";

/** Places of a run's model and rewards on this machine. */
export interface WorkerSources {
  /** Model's folder or name; null for the run's name. */
  readonly model: string | null;
  /** Folders and scripts of rewards that this machine computes beside those that need neither. */
  readonly rewards: readonly string[];
}

/** Policy and rewards of a run, as a worker has them. */
export interface LoadedSubject {
  readonly generator: Generator;
  /** Scores responses. Returns the scores of each, by the rewards' places in the run's `reward`. */
  score(
    prompts: readonly Work[],
    responses: readonly Generated[],
  ): Promise<Record<string, number | null>[]>;
}

const settingsSchema = z.looseObject({
  kind: z.string(),
  model: z.string(),
  reward: z.array(z.string()),
  rewardLabel: z.string().nullable(),
  rewardMode: z.enum(["logits", "softmax"]),
});

/**
 * Loads what a run needs on a worker. Names of the Hub and of the demo are the run's; a path of the
 * trainer's machine means nothing here, and nothing that a run names is executed: scripts and judges
 * score on the trainer, unless this worker was started with them.
 *
 * @throws {UserError} when something is missing, or not what the trainer has
 */
export async function loadSubject(
  device: Device,
  { config, lora, fingerprints }: RunEntry,
  sources: WorkerSources,
  hooks: DatasetHooks,
): Promise<LoadedSubject> {
  const parsed = settingsSchema.safeParse(config);
  if (!parsed.success) {
    throw new UserError("the run's settings are not those of a run that draws rollouts");
  }
  const settings = parsed.data;
  const kind = runKind(settings.kind);
  const model = sources.model ?? named(settings.model);
  const folder = await locate("model", model, hooks);
  const found = await fingerprint(folder);
  if (found !== fingerprints.model) {
    throw new UserError(
      `the model ${model} here is not the trainer's: its fingerprint is ${found.slice(0, 12)}, ` +
        `the trainer's is ${(fingerprints.model ?? "none").slice(0, 12)}`,
    );
  }
  const resolved = kind.resolve({ ...settings, model, adapter: null });
  const context = { config: resolved, device, hooks };
  const generator = await kind.openGenerator!(context, lora as unknown as LoraConfig);
  const rewards = await loadWorkerRewards(device, settings, fingerprints, sources, hooks);
  return {
    generator,
    async score(prompts, responses) {
      const samples = prompts.flatMap(({ text, columns, responses }) =>
        new Array(responses).fill({ query: text, columns })
      ).map((sample, row) => ({
        ...sample,
        response: generator.tokenizer.decode(responses[row].tokens, { skipSpecialTokens: true }),
      }));
      const scores = samples.map((): Record<string, number | null> => ({}));
      for (const [place, { name, reward }] of rewards) {
        const column = await callNullableReward(name, reward, samples);
        column.forEach((score, row) => scores[row][place] = score);
      }
      return scores;
    },
  };
}

/** Loads the rewards that this machine computes, by their places. */
async function loadWorkerRewards(
  device: Device,
  settings: z.output<typeof settingsSchema>,
  fingerprints: RunEntry["fingerprints"],
  { rewards: own }: WorkerSources,
  hooks: DatasetHooks,
): Promise<Map<number, WeightedReward>> {
  const digests = new Map<string, string>();
  for (const path of own) {
    const found = await locateReward(path, hooks);
    if (found === null) throw new UserError(`the reward ${path} needs no file: leave it out`);
    digests.set(await fingerprint(found), path);
  }
  const loaded = new Map<number, WeightedReward>();
  for (const [place, name] of settings.reward.entries()) {
    const expected = fingerprints[`reward ${name}`];
    const its = digests.get(expected ?? "") ?? (isKnownHere(name) ? name : undefined);
    if (its === undefined) {
      hooks.info?.(`the reward ${name} is scored by the trainer`);
      continue;
    }
    let path: string | null;
    try {
      path = await locateReward(its, hooks);
    } catch (error) {
      // A browser tab has the classifiers that its page gives it, and may reach no others.
      if (!(error instanceof UserError)) throw error;
      hooks.info?.(`the reward ${name} is scored by the trainer: ${error.message}`);
      continue;
    }
    if (path !== null && await fingerprint(path) !== expected) {
      throw new UserError(`the reward ${its} here is not the trainer's: its files differ`);
    }
    const { rewards } = await loadRewards(device, {
      ...settings,
      reward: [its],
      rewardWeights: null,
    }, hooks);
    loaded.set(place, rewards.rewards[0]);
  }
  return loaded;
}

/** A name that means the same on every machine. @throws {UserError} when it is a path */
function named(name: string): string {
  if (!isElsewhere(name)) return name;
  throw new UserError(
    `the run's model is ${name}, a folder of the trainer's machine: give \`model\`, the same one here`,
  );
}

/** Recognizes a reward that a worker may take by its name alone. */
function isKnownHere(name: string): boolean {
  const ready = readyName(name);
  if (!ready) return !isElsewhere(name) && !isScript(name);
  // A judge costs money, and its address comes from the run; a schema is a file of the trainer's.
  return ready.name !== "judge" && fileOf(ready) === null;
}

/** Recognizes a path of another machine. */
function isElsewhere(name: string): boolean {
  return /^[./~]|\\|(^|\/)\.\.(\/|$)|^[A-Za-z]:[/\\]/.test(name);
}
