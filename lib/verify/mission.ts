import { type DatasetSplit, loadDataset } from "../data/dataset.ts";
import { findSplitFiles } from "../data/split_files.ts";
import { Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../device/device.ts";
import { measureToxicity } from "../evaluation/toxicity.ts";
import { equalOne } from "../doctor/bit_equality.ts";
import { countParameters } from "../models/parameter_count.ts";
import { createPolicy, type Policy } from "../models/policy.ts";
import { loadLanguageModel } from "../models/registry.ts";
import { SequenceClassifier } from "../models/sequence_classifier.ts";
import { ClassifierReward } from "../rewards/classifier_reward.ts";
import type { RewardFunction } from "../rewards/reward.ts";
import { labelIndex } from "../rewards/text_classifier.ts";
import { attempt, type Check } from "../doctor/check.ts";
import { type KnownNumbers, type KnownText, NOTEBOOK_NUMBERS } from "./mission_facts.ts";
import { ppoTrainer } from "./subject.ts";

/** Paths of the original notebook's model, classifier and dataset. */
export interface MissionFolders {
  readonly model: string;
  readonly classifier: string;
  readonly dataset: string;
}

/** Options of {@linkcode verifyMission}. */
export interface MissionOptions {
  /** Format of the model's weights; default bf16, as in the notebook. */
  readonly dtype?: "f32" | "bf16";
  /** Numbers to compare with; default those of the notebook. */
  readonly known?: KnownNumbers;
  /** Called with each result as soon as it is there. */
  report?(result: Check): void;
}

/** The notebook's adapter and learning rate. */
const LORA = { r: 32, loraAlpha: 32, loraDropout: 0.05, targetModules: ["q", "v"] };
const LEARNING_RATE = 1.41e-5;
/** Rollouts of the PPO step: with 32 new tokens each, it takes seconds on a CPU. */
const ROLLOUTS = 4;
const SAMPLING = { maxNewTokens: 32, doSample: true, seed: 0 };

/** Maximum differences: half a unit of the last decimal that is known, and a f32 sum's rounding. */
const LOGIT_TOLERANCE = 1e-4;
const TOXICITY_TOLERANCE = 1e-5;

/**
 * Checks what is known of the original notebook's model, classifier and dataset: rows, numbers of
 * parameters, logits and toxicities of two texts, and that a PPO step with them is sound. What does
 * not load fails the checks that need it.
 */
export async function verifyMission(
  device: Device,
  folders: MissionFolders,
  { dtype = "bf16", known = NOTEBOOK_NUMBERS, report = () => {} }: MissionOptions = {},
): Promise<Check[]> {
  const results: Check[] = [];
  const check = async (name: string, body: () => Promise<string>) => {
    results.push(await attempt(device.kind, name, body));
    report(results.at(-1)!);
  };
  const tokenizer = once(() => Tokenizer.load(folders.model));
  const classifier = once(() => SequenceClassifier.load(device, folders.classifier));
  // The split that the notebook divides; the others are not read.
  const dataset = once(async () => {
    const [path] = (await findSplitFiles(folders.dataset)).get("train") ?? [folders.dataset];
    return await loadDataset(path, await tokenizer());
  });
  const policy = once(async () => {
    const model = await loadLanguageModel(device, folders.model, { dtype });
    return createPolicy(model, LORA, 0);
  });

  await check("rows of the dataset", async () => {
    const { rows } = known;
    const data = await dataset();
    const found = `${data.split("train").length} + ${data.split("test").length}`;
    return same(found, `${rows.train} + ${rows.test}`, "to train and test on");
  });
  const { trainable, all, withValueHead } = known.parameters;
  await check("parameters with an adapter", async () => {
    const { adapter } = countParameters(await policy());
    return same(`${adapter.trainable} of ${adapter.all}`, `${trainable} of ${all}`, "trainable");
  });
  await check("parameters with a value head", async () => {
    const counted = countParameters(await policy()).withValueHead;
    return same(`${counted.trainable}`, `${withValueHead}`, "trainable");
  });
  for (const text of known.texts) {
    await check(
      `logits of the ${text.name} text`,
      async () => await sameLogits(await classifier(), text),
    );
    await check(
      `toxicity of the ${text.name} text`,
      async () => await sameToxicity(await classifier(), text),
    );
  }
  await check("a PPO step", async () => {
    const train = (await dataset()).split("train");
    const { score } = new ClassifierReward(await classifier());
    return await step(await policy(), train, await tokenizer(), score);
  });
  return results;
}

/** Loads something when it is first asked for, and once. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | null = null;
  return () => loaded ??= load();
}

/** Compares what was counted with what is known. */
function same(found: string, known: string, what: string): string {
  if (found !== known) throw new Error(`${found} ${what}, not ${known}`);
  return `${found} ${what}`;
}

async function sameLogits(
  classifier: SequenceClassifier,
  { text, logits }: KnownText,
): Promise<string> {
  const { logits: [row] } = await classifier.logits([text]);
  const found: string[] = [];
  for (const [label, known] of Object.entries(logits)) {
    const value = row[labelIndex(classifier, label, "known")];
    if (!(Math.abs(value - known) <= LOGIT_TOLERANCE)) {
      throw new Error(`the logit of ${label} is ${value.toFixed(4)}, not ${known}`);
    }
    found.push(`${label} ${value.toFixed(4)}`);
  }
  return found.join(", ");
}

async function sameToxicity(
  classifier: SequenceClassifier,
  { text, toxicity }: KnownText,
): Promise<string> {
  const { toxicities: [value] } = await measureToxicity(classifier, [text]);
  if (!(Math.abs(value - toxicity) <= TOXICITY_TOLERANCE)) {
    throw new Error(`the probability of hate is ${value.toFixed(6)}, not ${toxicity}`);
  }
  return value.toFixed(6);
}

/**
 * Lets a policy respond to the first prompts of a split and takes a PPO step on the responses.
 *
 * @throws Error when a number is not finite, a ratio before the update not 1, or nothing is trained
 */
async function step(
  policy: Policy,
  split: DatasetSplit,
  tokenizer: Tokenizer,
  score: RewardFunction,
): Promise<string> {
  const examples = Array.from({ length: ROLLOUTS }, (_, row) => split.example(row));
  const queries = examples.map(({ inputIds }) => inputIds);
  const trainer = ppoTrainer(policy, ROLLOUTS, LEARNING_RATE);
  try {
    const rollouts = await trainer.generate(queries, SAMPLING);
    const responses = rollouts.map(({ tokens }) => tokens);
    const texts = responses.map((tokens) => tokenizer.decode(tokens, { skipSpecialTokens: true }));
    const rewards = await score(
      examples.map(({ query }, row) => ({ query, response: texts[row] })),
    );
    const stats = await trainer.step(queries, responses, rewards, rollouts);
    for (const [name, value] of Object.entries(stats)) {
      if (typeof value === "number" && !Number.isFinite(value)) {
        throw new Error(`${name} is ${value}`);
      }
    }
    const tokens = equalOne(stats["ppo/policy/ratio"]);
    if (policy.adapter.changesNothing) throw new Error("the adapter still changes nothing");
    return `reward ${stats["ppo/mean_scores"].toFixed(4)}, ratio exactly 1 for ${tokens} ` +
      `tokens before the update`;
  } finally {
    trainer.dispose();
  }
}
