import { join } from "node:path";
import type { Device } from "../../device/device.ts";
import { RunInterruptedError, UserError } from "../../errors.ts";
import { compareResponses, type ComparisonRow } from "../../evaluation/compare.ts";
import { comparisonToCsv } from "../../evaluation/comparison_formats.ts";
import type { PolicyToxicity } from "../../evaluation/evaluate_policy.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import type { Tokenizer } from "../../data/tokenizer.ts";
import type { DownloadHooks } from "../../hub/download.ts";
import { PPOTrainer } from "../../rl/ppo_trainer.ts";
import type { PPOStats } from "../../rl/statistics.ts";
import { findCheckpoint, listCheckpoints } from "../folder/checkpoint.ts";
import { ppoConfigOf, type TrainConfig } from "../settings/config.ts";
import { openRunDevice } from "../loading/device.ts";
import { checkKl, dumpBatch, isDivergence, MOST_SKIPS } from "./divergence.ts";
import {
  checkFingerprints,
  describeSession,
  readSessions,
  writeSessions,
} from "../folder/environment.ts";
import { measurePolicy } from "../commands/evaluate.ts";
import { forgetFailure, recordFailure } from "../folder/failure.ts";
import { type Ingredients, loadIngredients } from "../loading/ingredients.ts";
import { appendRow, writeEvents } from "../folder/export.ts";
import { JsonLines, truncateRows } from "../folder/jsonl.ts";
import { readMeasurement, writeMeasurement } from "../folder/measurement.ts";
import { MetricsFile, readMetrics } from "../folder/metrics.ts";
import { modelCard } from "../folder/model_card.ts";
import { countParameters } from "../loading/policy.ts";
import { collectRollouts, type RolloutBatch } from "./rollouts.ts";
import { RunLog } from "../folder/run_log.ts";
import {
  reopenRunDirectory,
  reserveRunDirectory,
  type RunDirectory,
  writeRunConfig,
} from "../folder/run_directory.ts";
import { TrainingSession } from "./session.ts";
import { type Summary, writeSummary } from "../folder/summary.ts";

/** What a run tells while it goes on. */
export interface TrainHooks extends DownloadHooks {
  /** Something to read, of one or more lines. */
  info?(text: string): void;
  /** The run goes on after this step. */
  resumed?(step: number): void;
  /** A measurement of toxicity. */
  measured?(when: "before" | "after", toxicity: PolicyToxicity): void;
  /** A step is done; steps count from 1. */
  stepped?(step: number, stats: PPOStats): void;
}

/** How a run is started. */
export interface TrainOptions {
  /** Go on with the run in `config.output` from its latest checkpoint. */
  resume?: boolean;
  /** Stops the run when it aborts: after the step, with a checkpoint. */
  signal?: AbortSignal;
}

/** What a run returns. */
export interface TrainResult {
  /** Where the results are. */
  directory: RunDirectory;
  /** What is in `summary.json`. */
  summary: Summary;
  /** The measured prompts before and after, the largest gain in reward first. */
  comparison: ComparisonRow[];
}

/** A run under way. */
interface Run extends Ingredients {
  config: TrainConfig;
  directory: RunDirectory;
  hooks: TrainHooks;
  signal?: AbortSignal;
}

/**
 * A whole run: loads everything, measures the toxicity, trains with PPO, measures again and leaves
 * the results in the run's folder. Until everything is loaded nothing is written. Killed at any
 * moment, it can be resumed, and ends as if nothing had happened, bit for bit.
 *
 * @throws {UserError} when an input is not usable, a file cannot be written or training diverges;
 *   then the last good checkpoint is kept
 * @throws {RunInterruptedError} when the signal aborted
 */
export async function train(
  config: TrainConfig,
  hooks: TrainHooks = {},
  { resume = false, signal }: TrainOptions = {},
): Promise<TrainResult> {
  const log = new RunLog();
  hooks = logged(hooks, log);
  const info = (line: string) => hooks.info?.(line);
  using lockedRun = resume && config.output !== null
    ? await reopenRunDirectory(config.output, info)
    : await reserveRunDirectory(config);
  const { directory } = lockedRun;
  let device: Device | null = null;
  let ingredients: Ingredients;
  try {
    device = await openRunDevice(config);
    ingredients = await loadIngredients(device, config, hooks);
  } catch (error) {
    device?.close();
    await lockedRun.release();
    throw error;
  }
  // Where the run's folder has nothing of it yet, or nothing new, no failure is left in it.
  let stepsDone: (() => number) | null = null;
  try {
    const run: Run = { ...ingredients, config, directory, hooks, signal };
    const checkpoint = resume ? await findCheckpoint(directory.path, info) : null;
    const step = checkpoint?.state.step ?? 0;
    if (step > config.steps) {
      throw new UserError(
        `the run has done ${step} steps, more than \`steps\` ${config.steps}: give at least as many`,
      );
    }
    const environment = await describeSession(device, step, ingredients.fingerprints);
    const earlier = await readSessions(directory.environment, info);
    checkFingerprints(earlier, environment);
    // The first file of a run: killed from here on, it can be resumed.
    await writeRunConfig(directory, config);
    await writeSessions(directory.environment, [...earlier, environment]);
    log.open(directory.log);
    // From now until its end the run is not a finished one.
    await Deno.remove(directory.summary).catch(() => {});
    await forgetFailure(directory.path);
    stepsDone = () => step;
    if (resume) hooks.resumed?.(step);

    // Before the checkpoint is restored: killed in this measurement, a run has to repeat it.
    const before = await measureBefore(run);
    hooks.measured?.("before", before);
    const trainer = new PPOTrainer(run.policy, ppoConfigOf(config));
    const session = new TrainingSession(directory, config, trainer, run.batches);
    if (checkpoint) await session.restore(checkpoint);
    stepsDone = () => session.step;
    await trainPolicy(run, trainer, session);
    const result = await conclude(run, session, before).catch(async (error) => {
      if (error instanceof RunInterruptedError) throw error;
      throw await stopped(error, "after the last step", directory);
    });
    log.add(`finished after ${config.steps} steps`);
    return result;
  } catch (error) {
    log.add(error instanceof Error ? error.message : String(error));
    if (stepsDone && !(error instanceof RunInterruptedError)) {
      await recordFailure(directory.path, error, stepsDone());
    }
    throw error;
  } finally {
    await ingredients.data[Symbol.asyncDispose]();
    device.close();
  }
}

/** The hooks, with what they are told in the log, too. */
function logged(hooks: TrainHooks, log: RunLog): TrainHooks {
  return {
    ...hooks,
    info(text) {
      log.add(text);
      hooks.info?.(text);
    },
    resumed(step) {
      log.add(`resumed after step ${step}`);
      hooks.resumed?.(step);
    },
    measured(when, toxicity) {
      const [low, high] = toxicity.interval.map((value) => value.toFixed(4));
      log.add(`toxicity ${when} training: ${toxicity.mean.toFixed(4)} (${low} to ${high})`);
      hooks.measured?.(when, toxicity);
    },
  };
}

/** The PPO loop: generate, score, step; `metrics.jsonl`, `samples.jsonl` and checkpoints. */
async function trainPolicy(
  { config, directory, policy, loadedRewards, batches, hooks, signal }: Run,
  trainer: PPOTrainer,
  session: TrainingSession,
): Promise<void> {
  for (const path of [directory.metrics, directory.samples]) {
    await truncateRows(path, session.step);
  }
  using metrics = new MetricsFile(directory.metrics);
  using samples = new JsonLines(directory.samples);
  using events = config.log === "tensorboard"
    ? await writeEvents(directory.tensorboard, await readMetrics(directory.metrics))
    : null;
  while (session.step < config.steps) {
    const step = session.step + 1;
    const start = session.state();
    const prompts = batches.next();
    let batch: RolloutBatch | null = null;
    try {
      const { rewards } = loadedRewards;
      batch = await collectRollouts(trainer, policy.tokenizer, rewards, prompts, step - 1, config);
      // Parameters have proved good when they have generated.
      session.markGood(start);
      const { queries, responses, scores, sampled } = batch;
      const stats = await trainer.step(queries, responses, scores, sampled);
      checkKl(step, stats, config);
      const row = metrics.appendStep(step, stats, batch.times);
      if (events) appendRow(events, row);
      samples.append(...batch.samples.map((sample, index) => ({
        step,
        ...sample,
        kl: stats["objective/kl_dist"][index],
        ...tokenRatios(policy.tokenizer, batch!.responses[index], stats, index),
      })));
      session.completeStep(stats["ppo/mean_scores"]);
      hooks.stepped?.(step, stats);
    } catch (error) {
      if (!isDivergence(error)) throw await stopped(error, `in step ${step}`, directory);
      // What went wrong first is what has to be known.
      const unsaved = async (failure: unknown): Promise<never> => {
        if (!(failure instanceof UserError)) throw failure;
        const both = new UserError(`${error.message}; then: ${failure.message}`, { cause: error });
        throw await stopped(both, `in step ${step}`, directory);
      };
      const dump = await dumpBatch(directory.path, step, error.message, prompts, batch)
        .catch(unsaved);
      if (config.onDivergence === "stop" || session.skipped === MOST_SKIPS) {
        await session.giveUp().catch(unsaved);
        throw new UserError(
          `${error.message} (stopped in step ${step}; the last good adapter is in ` +
            `${directory.adapter}, the batch in ${dump})`,
          { cause: error },
        );
      }
      session.skipStep();
      hooks.info?.(`step ${step} is skipped: ${error.message} (the batch is in ${dump})`);
    }
    const due = config.saveEvery > 0 && step % config.saveEvery === 0;
    const asked = signal?.aborted && step < config.steps;
    if (due || asked || step === config.steps) {
      const regular = due || step === config.steps;
      await session.save({ regular }).catch(async (error) => {
        throw await stopped(error, `after step ${step}`, directory);
      });
    }
    if (asked) {
      throw interrupted(directory, `after step ${step} of ${config.steps}`);
    }
  }
}

/**
 * A response's tokens with `log(π / π_ref)` of each, to three digits: what moved away from the
 * reference. Positions that do not count in the original stack's mode have none.
 */
function tokenRatios(
  tokenizer: Tokenizer,
  response: readonly number[],
  stats: PPOStats,
  rollout: number,
): { tokens: string[]; logRatios: number[] } {
  const logprobs = stats["objective/logprobs"][rollout];
  const reference = stats["objective/ref_logprobs"][rollout];
  return {
    tokens: tokenizer.tokenTexts(response.slice(response.length - logprobs.length)),
    logRatios: Array.from(logprobs, (value, i) => Number((value - reference[i]).toFixed(3))),
  };
}

/** Measures the policy as it was loaded, or reads the measurement where it was made before. */
async function measureBefore(run: Run): Promise<PolicyToxicity> {
  const { directory: { before }, evalPrompts } = run;
  const kept = await readMeasurement(before, evalPrompts.map(({ query }) => query));
  if (kept) return kept;
  const toxicity = await measure(run);
  await writeMeasurement(before, toxicity);
  return toxicity;
}

async function measure(
  { policy, toxicityClassifier, evalPrompts, config, directory, signal }: Run,
): Promise<PolicyToxicity> {
  try {
    return await measurePolicy(policy, toxicityClassifier, evalPrompts, config, signal);
  } catch (error) {
    throw signal?.aborted ? interrupted(directory, "while it was being measured") : error;
  }
}

/** Writes `adapter/`, measures again, and writes `comparison.csv` and `summary.json`. */
async function conclude(
  run: Run,
  session: TrainingSession,
  before: PolicyToxicity,
): Promise<TrainResult> {
  const { config, directory, policy, loadedRewards, evalPrompts, hooks } = run;
  await session.saveAdapter();
  const after = await measure(run);
  hooks.measured?.("after", after);
  const comparison = await compareResponses(
    evalPrompts.map(({ query }) => query),
    before.samples.map(({ response }) => response),
    after.samples.map(({ response }) => response),
    async (samples) => (await loadedRewards.rewards.score(samples)).totals,
  );
  await writeFileAtomic(directory.comparison, comparisonToCsv(comparison));
  const summary: Summary = {
    toxicity: { before: statisticsOf(before), after: statisticsOf(after) },
    reward: {
      before: mean(comparison.map(({ rewardBefore }) => rewardBefore)),
      after: mean(comparison.map(({ rewardAfter }) => rewardAfter)),
    },
    steps: config.steps,
    parameters: countParameters(policy).withValueHead,
    seconds: session.seconds,
  };
  const card = modelCard(config, summary, comparison);
  await writeFileAtomic(join(directory.adapter, "README.md"), card);
  await writeSummary(directory.summary, summary);
  for (const notice of loadedRewards.notices()) hooks.info?.(notice);
  return { directory, summary, comparison };
}

function interrupted({ path }: RunDirectory, where: string): RunInterruptedError {
  return new RunInterruptedError(`stopped ${where}`, { run: path });
}

/**
 * Says where a run stopped and what of it is kept, when something around training went
 * wrong: a reward, the device, the disk.
 */
async function stopped(error: unknown, where: string, { path }: RunDirectory): Promise<unknown> {
  if (!(error instanceof UserError)) return error;
  const last = (await listCheckpoints(path).catch(() => [])).at(-1);
  const kept = last === undefined ? "with no step saved" : `saved up to step ${last}`;
  return new UserError(
    `${error.message.replace(/\.$/, "")} (stopped ${where}, ${kept})`,
    { cause: error, run: path },
  );
}

function statisticsOf(
  { count, mean, std, interval }: PolicyToxicity,
): Summary["toxicity"]["after"] {
  return { mean, std, count, interval };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
