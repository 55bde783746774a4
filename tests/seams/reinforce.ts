import { join } from "node:path";
import { scale } from "../../kernels/elementwise/elementwise.ts";
import type { Device } from "../../lib/device/device.ts";
import { generate, type Generated } from "../../lib/generation/generate.ts";
import type { LanguageModel } from "../../lib/models/language_model.ts";
import { createAdapter, readAdapterValues, saveAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import type { LoraAdapter } from "../../lib/nn/lora.ts";
import { Adam } from "../../lib/nn/optimizer.ts";
import { z } from "../../lib/packages/zod.ts";
import { Random } from "../../lib/random.ts";
import type { RunKind, RunSettings } from "../../lib/runs/kinds/run_kind.ts";
import type { RunContext, RunTask } from "../../lib/runs/kinds/run_task.ts";
import { deviceFields, runFields } from "../../lib/runs/settings/config.ts";
import { parseState, randomState, type Trainer } from "../../lib/training/trainer.ts";
import type { TokenLoss } from "../../lib/training/token_loss.ts";
import { forwardBackward } from "../../lib/training/token_pass.ts";
import { responseRow } from "../../lib/training/token_rows.ts";

const ROWS = 8;

const schema = z.strictObject({
  kind: z.enum(["reinforce"]).default("reinforce"),
  ...runFields,
  ...deviceFields,
  model: z.string(),
  /** Token that is rewarded. */
  liked: z.int(),
});

type Config = z.output<typeof schema> & RunSettings;

/** -advantage · log p, the mean over the step's tokens (Williams 1992). */
const policyGradientLoss: TokenLoss<"advantages"> = {
  needs: ["advantages"],
  statistics: [],
  launch(device, { inputs, tokens, share, dLogprobs }) {
    scale(device, dLogprobs, inputs.advantages, tokens, -1 / share.of);
  },
};

/** REINFORCE on an adapter, with the batch's mean reward as the baseline. */
class ReinforceTrainer implements Trainer {
  readonly frozen = {};
  readonly optimizer: Adam;
  stepsDone = 0;
  readonly #random: Random;

  constructor(readonly model: LanguageModel, readonly adapter: LoraAdapter, seed: number) {
    this.optimizer = new Adam(adapter.parameters);
    this.#random = new Random(seed);
  }

  get parameters() {
    return this.adapter.parameters;
  }

  prompts(): number[][] {
    return Array.from({ length: ROWS }, () => [this.#random.integer(3, this.model.vocabSize)]);
  }

  async respond(prompts: readonly number[][]): Promise<Generated[]> {
    const config = { maxNewTokens: 6, doSample: true, seed: this.stepsDone };
    return await generate(this.model, prompts, config, { adapter: this.adapter });
  }

  async step(
    prompts: readonly number[][],
    responses: readonly Generated[],
    rewards: readonly number[],
  ): Promise<number> {
    const mean = rewards.reduce((sum, reward) => sum + reward, 0) / ROWS;
    const rows = responses.map(({ tokens }, i) => responseRow(this.model, prompts[i], tokens));
    const advantages = rows.map(({ targets }, i) => targets.map(() => rewards[i] - mean));
    const of = rows.reduce((sum, { targets }) => sum + targets.length, 0);
    this.parameters.zeroGrad();
    const pass = forwardBackward(this, rows, policyGradientLoss, { advantages }, {
      tokens: of,
      of,
    });
    await pass.logprobs;
    this.optimizer.step(0.05);
    this.stepsDone++;
    return mean;
  }

  state(): unknown {
    return { step: this.stepsDone, random: this.#random.state };
  }

  setState(state: unknown): void {
    const fields = z.object({ step: z.int(), random: randomState });
    const { step, random } = parseState(fields, state, "REINFORCE");
    this.stepsDone = step;
    this.#random.state = random;
  }

  dispose(): void {
    this.optimizer.dispose();
  }
}

interface Batch {
  prompts: number[][];
  responses: Generated[];
  rewards: number[];
}
type Stats = { reward: number };
type Summary = { liked: { before: number; after: number }; steps: number };

async function open(
  { device, config }: RunContext<Config>,
): Promise<RunTask<Stats, number, Summary, Batch>> {
  const model = await loadLanguageModel(device as Device, config.model);
  const lora = { r: 4, loraAlpha: 4, loraDropout: 0, targetModules: ["mixer"] };
  const trainer = new ReinforceTrainer(model, createAdapter(model, lora, config.seed), config.seed);
  const { adapter } = trainer;
  const share = ({ tokens }: Generated) =>
    tokens.filter((token) => token === config.liked).length / tokens.length;
  const save = (folder: string) => saveAdapter({ model, adapter }, folder, config.model);
  return {
    trainer,
    steps: config.steps,
    sources: { model: config.model },
    position: null,
    guard: null,
    beforeFile: "liked_before.json",
    trainedFolder: "adapter",
    async collect() {
      const prompts = trainer.prompts();
      const responses = await trainer.respond(prompts);
      return { prompts, responses, rewards: responses.map(share) };
    },
    async step({ prompts, responses, rewards }) {
      const reward = await trainer.step(prompts, responses, rewards);
      return {
        stats: { reward },
        metrics: { reward, "reward/dist": rewards },
        samples: responses.map(({ tokens }, i) => ({ prompt: prompts[i], tokens })),
        score: reward,
      };
    },
    async measure() {
      const prompts = Array.from({ length: 40 }, (_, token) => [3 + token]);
      const responses = await generate(model, prompts, { maxNewTokens: 6 }, { adapter });
      return responses.reduce((sum, response) => sum + share(response), 0) / prompts.length;
    },
    parseMeasurement: (json) => typeof json === "number" ? json : null,
    describe: (when, liked) => `share of the liked token ${when} training: ${liked.toFixed(3)}`,
    writeTrained: save,
    readTrained: readAdapterValues,
    saveTrained: save,
    conclude: (before, after) =>
      Promise.resolve({
        summary: { liked: { before, after }, steps: config.steps },
        files: { [join("adapter", "README.md")]: "# REINFORCE\n" },
        comparison: [],
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** REINFORCE towards a token, as a kind of run: an algorithm in one file. */
export const reinforce: RunKind<Config, Stats, number, Summary> = {
  kind: "reinforce",
  title: "REINFORCE",
  schema,
  mayChange: ["steps"],
  headline: [{ metric: "reward", label: "reward", better: "higher" }],
  charts: [{
    id: "reinforce-reward",
    title: "Share of the liked token",
    help: "Mean over the responses of a step.",
    unit: "",
    series: [{ metric: "reward", label: "reward" }],
  }],
  curves: ["reward"],
  stepTimes: [],
  changes({ liked }) {
    const { before, after } = (liked ?? {}) as Record<string, number>;
    return typeof before === "number" && typeof after === "number"
      ? [{ label: "liked", before, after, better: "higher" }]
      : [];
  },
  summarySchema: z.object({
    liked: z.object({ before: z.number(), after: z.number() }),
    steps: z.int(),
  }),
  resolve: (settings) => schema.parse(settings) as Config,
  open,
};
