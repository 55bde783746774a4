import { join } from "node:path";
import { FLEET_STATE_FILE, type FleetState } from "../lib/runs/kinds/fleet/fleet_state.ts";

/** Properties of a sample run. */
export interface SampleRun {
  /** Steps done. */
  step?: number;
  /** Steps of the whole run. */
  steps?: number;
  /** True for a run with its summary and comparison. */
  finished?: boolean;
  /** Reason for its failure, if it failed. */
  failure?: string;
  /** Settings. */
  config?: Record<string, unknown>;
  /** Time of its start; default now. */
  started?: Date;
}

/** A row of `metrics.jsonl` as a training step writes it; the same step, the same row. */
export function metricsRow(step: number): Record<string, unknown> {
  const wave = Math.sin(step / 7);
  return {
    step,
    "ppo/mean_scores": 2 + 2 * (1 - Math.exp(-step / 20)) + 0.3 * wave,
    "objective/kl": 0.02 * step + 0.2 * wave,
    "objective/kl_coef": 0.2 - step * 1e-4,
    "ppo/loss/policy": -0.002 * wave,
    "ppo/loss/value": 2 * Math.exp(-step / 15),
    "ppo/policy/entropy": 0.04 + 0.01 * wave,
    "ppo/policy/clipfrac": 0.01 + 0.005 * wave,
    "ppo/val/clipfrac": 0.05,
    "ppo/val/var_explained": 1 - 2 * Math.exp(-step / 10),
    "tokens/queries_len_mean": 180 + wave,
    "tokens/responses_len_mean": 48 + wave,
    "tokens/responses_dist": [48, 47, 49, 50],
    "ppo/learning_rate": 1e-3,
    "time/generate": 0.4,
    "time/score": 0.1,
    "time/ppo/forward_pass": 0.3,
    "time/ppo/optimize_step": 1.1,
    "time/ppo/total": 1.5,
  };
}

/** Rows of `samples.jsonl` of a step: two prompts that come again in every step. */
export function sampleRows(step: number): Record<string, unknown>[] {
  return ["the gym", "the movie"].map((topic, index) => ({
    step,
    query: `Summarize the following conversation. #Person1#: Did you like ${topic}? Summary:</s>`,
    response: `Step ${step}: #Person1# asks about ${topic}. <b onclick=alert(1)>not bold</b>`,
    reward: step / 10 - index,
    rewards: { toxicity: step / 10, brevity: -index },
    length: 12 + index,
    kl: 0.1 * index + step / 100,
  }));
}

/** A row of `metrics.jsonl` of a run of supervised fine-tuning, ten steps an epoch. */
export function sftRow(step: number): Record<string, unknown> {
  return {
    step,
    epoch: step / 10,
    loss: 2 / step,
    grad_norm: 1 + 1 / step,
    learning_rate: 1e-3 * (1 - step / 10),
    labels: 400,
    "time/step": 0.5,
    ...(step % 5 === 0 ? { eval_loss: 2.5 / step } : {}),
  };
}

/** Writes the folder of a run of one epoch, ten steps, as `temper sft` leaves it. */
export function writeSftRun(folder: string, name: string, run: SampleRun = {}): string {
  const { step = 10, finished = true, config = {}, started } = run;
  const path = join(folder, name);
  Deno.mkdirSync(path, { recursive: true });
  const write = (file: string, text: string) => Deno.writeTextFileSync(join(path, file), text);
  const settings = {
    kind: "sft",
    epochs: 1,
    steps: null,
    maxTargetLength: 128,
    model: "demo/tiny-flan-t5",
    prompt: "Summarize the following conversation. {dialogue} Summary:",
  };
  write("config.json", JSON.stringify({ ...settings, ...config }));
  if (started) Deno.utimeSync(join(path, "config.json"), started, started);
  const rows = Array.from({ length: step }, (_, i) => sftRow(i + 1));
  write("metrics.jsonl", rows.map((row) => JSON.stringify(row) + "\n").join(""));
  if (!finished) return path;
  const rouge = (value: number) => ({
    rouge1: value,
    rouge2: value / 2,
    rougeL: value,
    rougeLsum: value,
  });
  const loss = { before: 2.5, after: 0.25 };
  const summary = { loss, rouge: { before: rouge(0.25), after: rouge(0.75) }, steps: 10 };
  write("summary.json", JSON.stringify(summary));
  const query = (topic: string) => `Summarize the following conversation. ${topic}? Summary:</s>`;
  write(
    "summaries.jsonl",
    JSON.stringify({ query: query("C"), reference: "one two", before: "one two", after: "one" }) +
      "\n" +
      JSON.stringify({ query: query("D"), reference: "a b", before: "b <i>x</i>", after: "a b" }) +
      "\n",
  );
  return path;
}

/** Writes the folder of a run of GRPO: two groups of four responses a step. */
export function writeGroupRun(folder: string, name: string, run: SampleRun = {}): string {
  const { step = 3, config = {} } = run;
  const done = Array.from({ length: step }, (_, i) => i + 1);
  const metrics = done.map((step) => ({
    step,
    reward: 0.5,
    reward_std: 0,
    frac_reward_zero_std: 1,
    "rewards/exact/mean": 0.5,
    reward_dist: [0, 1],
    "time/generate": 1,
  }));
  // The second group has responses of different rewards, one of them without any.
  const samples = done.flatMap((step) =>
    [0, 1].flatMap((group) =>
      [0, 1, 2, 3].map((row) => ({
        step,
        query: `What is ${group} + 1?`,
        response: `Step ${step}: ${row} of ${group}`,
        reward: group === 0 ? 1 : row === 1 ? null : row,
        rewards: { exact: row, length: null },
        advantage: group === 0 ? 0 : row - 1.5,
        group,
        length: 3,
      }))
    )
  );
  return writeRun(folder, name, { kind: "grpo", steps: step, ...config }, metrics, samples);
}

/**
 * Writes the folder of a run of DPO or a reward model: two pairs a step, the second with a negative
 * margin.
 */
export function writePairRun(
  folder: string,
  name: string,
  kind: "dpo" | "reward" = "dpo",
): string {
  const sides = { chosen: "the gym was fine", rejected: "the gym was pathetic trash" };
  const samples = [1, 2].flatMap((step) =>
    [0, 1].flatMap((group) => {
      const rewards = { chosen: 0.25 - group, rejected: -0.25 };
      return (["chosen", "rejected"] as const).map((side) => ({
        step,
        query: `Prompt ${group}`,
        response: `Step ${step}: ${sides[side]}`,
        reward: rewards[side],
        rewards,
        side,
        margin: rewards.chosen - rewards.rejected,
        group,
      }));
    })
  );
  const metrics = [1, 2].map((step) => ({ step, loss: 1 / step, "rewards/margins": step }));
  const path = writeRun(folder, name, { kind, steps: 2 }, metrics, samples);
  const answers = [{ query: "Prompt 0", before: "the gym was bad", after: "the gym was fine" }];
  const pairs = [0.5, -0.25].map((after) => ({
    prompt: "Prompt 0",
    ...sides,
    before: { chosen: 0, rejected: 0.125 },
    after: { chosen: after, rejected: 0 },
  }));
  const [file, rows] = kind === "dpo" ? ["answers.jsonl", answers] : ["pairs.jsonl", pairs];
  const text = rows.map((row: object) => JSON.stringify(row) + "\n").join("");
  Deno.writeTextFileSync(join(path, file), text);
  return path;
}

function writeRun(
  folder: string,
  name: string,
  config: object,
  metrics: object[],
  samples: object[],
): string {
  const path = join(folder, name);
  Deno.mkdirSync(path, { recursive: true });
  const write = (file: string, rows: object[]) =>
    Deno.writeTextFileSync(
      join(path, file),
      rows.map((row) => JSON.stringify(row) + "\n").join(""),
    );
  write("config.json", [{ name: null, model: "demo/tiny-chat", device: "wasm", ...config }]);
  write("metrics.jsonl", metrics);
  write("samples.jsonl", samples);
  return path;
}

/** Writes the folder of a run, as `temper train` leaves it. */
export function writeSampleRun(folder: string, name: string, run: SampleRun = {}): string {
  const { step = 10, steps = 10, finished = true, failure, config = {}, started } = run;
  const path = join(folder, name);
  Deno.mkdirSync(path, { recursive: true });
  const write = (file: string, text: string) => Deno.writeTextFileSync(join(path, file), text);
  const lines = (rows: object[]) => rows.map((row) => JSON.stringify(row) + "\n").join("");
  const settings = { steps, name: null, model: "demo/tiny-flan-t5", device: "wasm", ...config };
  write("config.json", JSON.stringify(settings));
  if (started) Deno.utimeSync(join(path, "config.json"), started, started);
  const done = Array.from({ length: step }, (_, i) => i + 1);
  write("metrics.jsonl", lines(done.map(metricsRow)));
  write("samples.jsonl", lines(done.flatMap(sampleRows)));
  if (failure !== undefined) {
    write("failed.json", JSON.stringify({ kind: "UserError", message: failure, step }));
  }
  if (!finished) return path;
  const side = (mean: number) => ({
    mean,
    std: 0.4,
    count: 16,
    interval: [mean / 2, mean * 1.5],
  });
  write(
    "summary.json",
    JSON.stringify({
      toxicity: { before: side(0.3125), after: side(0.0625) },
      reward: { before: 1.6, after: 3.6 },
      steps,
      parameters: { trainable: 98433, all: 1066881 },
      seconds: 10.9,
    }),
  );
  write(
    "comparison.csv",
    "query,response_before,response_after,reward_before,reward_after,reward_diff\r\n" +
      `"A, ""B""",the gym was pathetic trash,the gym was <i>fine</i>,-3.5,4,7.5\r\n` +
      "C,Mary liked it,Mary liked it,4,4.5,0.5\r\n" +
      "D,David agrees at once,David agrees,4,3,-1\r\n",
  );
  return path;
}

/** Writes the state of a run's workers as its trainer does. */
export function writeWorkers(run: string, changes: Partial<FleetState> = {}): void {
  const [working, waiting] = ["working", "waiting"] as const;
  const worker = { state: working, device: "NVIDIA H200 (Vulkan)", rollouts: 96, idle: 0.125 };
  const state: FleetState = {
    ...{ address: "nats://trainer.example:4222", step: 5, policy: "0123456789ab", staleness: 1 },
    ...{ waiting: 3, working: 5, ready: 8 },
    workers: [
      { ...worker, name: "gpu-server-0a1b2c", tokensPerSecond: 812.4 },
      {
        ...{ ...worker, name: "a-laptop-with-a-name-that-is-long-3d4e5f", tokensPerSecond: 40.2 },
        ...{ state: waiting, device: "WASM, 8 threads", idle: 0.5 },
      },
    ],
    ...changes,
  };
  Deno.writeTextFileSync(join(run, FLEET_STATE_FILE), JSON.stringify(state));
}
