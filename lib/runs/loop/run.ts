import { join } from "../../platform/paths.ts";
import { RunInterruptedError, TrainingDivergedError, UserError } from "../../errors.ts";
import { yieldToEventLoop } from "../../event_loop.ts";
import type { ComparisonRow } from "../../evaluation/compare.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { findCheckpoint, listCheckpoints } from "../folder/checkpoint.ts";
import type { MetricsRow } from "../folder/export.ts";
import { recordExit, recordFailure } from "../folder/failure.ts";
import { readMeasurement, writeMeasurement } from "../folder/measurement.ts";
import {
  reopenRunDirectory,
  reserveRunDirectory,
  type RunDirectory,
} from "../folder/run_directory.ts";
import { RunLog } from "../folder/run_log.ts";
import { writeSummary } from "../folder/summary.ts";
import type { RolloutFleet } from "../kinds/fleet/rollout_fleet.ts";
import type { RunKind, RunSettings } from "../kinds/run_kind.ts";
import type { RunTask } from "../kinds/run_task.ts";
import type { DatasetHooks } from "../loading/dataset.ts";
import { Adviser } from "./adviser.ts";
import { dumpBatch, isDivergence, MAX_SKIPS } from "./divergence.ts";
import { beginSession, closeDevice, loadTask } from "./start.ts";
import { StepFiles } from "./step_files.ts";
import { BEST_FOLDER, TrainingSession } from "./session.ts";

/** Listeners for the progress of a run. */
export interface RunHooks<Stats = unknown, Measurement = unknown> extends DatasetHooks {
  /** The run goes on after this step. */
  resumed?(step: number): void;
  /** The model was measured; `line` describes that for people. */
  measured?(when: "before" | "after", measurement: Measurement, line: string): void;
  /** Training begins, of a run of so many steps. */
  begun?(steps: number): void;
  /**
   * A step is done; steps count from 1. `row` is that of `metrics.jsonl`, `samples` are those of
   * `samples.jsonl`.
   */
  stepped?(step: number, stats: Stats, row: MetricsRow, samples: readonly object[]): void;
  /** Called before each step, which waits for it: for as long as the run is to pause. */
  proceed?(): Promise<void>;
}

/** Start of a run. */
export interface RunOptions {
  /** Go on with the run in `config.output` from its latest checkpoint. */
  resume?: boolean;
  /** Stops the run when it aborts: after the step, with a checkpoint. */
  signal?: AbortSignal;
  /** Machines that respond to prompts in the trainer's place. The run leaves it at its end. */
  fleet?: RolloutFleet;
}

/** Results of a run. */
export interface RunResult<Summary extends object = object> {
  /** Paths of the run's files. */
  directory: RunDirectory;
  /** Folder of the adapter or the model that was trained. */
  trained: string;
  /** Content of `summary.json`. */
  summary: Summary;
  /** The same prompts before and after, the largest gain in reward first; empty for some kinds. */
  comparison: ComparisonRow[];
}

/** A run under way. */
interface Run<Stats, Measurement, Summary extends object> {
  readonly config: RunSettings;
  readonly directory: RunDirectory;
  readonly task: RunTask<Stats, Measurement, Summary>;
  readonly hooks: RunHooks<Stats, Measurement>;
  readonly adviser: Adviser;
  /** Called before each write: the folder must still be this process's. @throws {UserError} */
  readonly checkLock: () => void;
  readonly signal?: AbortSignal;
}

/**
 * A whole run: loads everything, measures, trains, measures again and leaves the results in the run's
 * folder. Until everything is loaded nothing is written. Killed at any moment, it can be resumed, and
 * ends as if nothing had happened, bit for bit.
 *
 * @throws {UserError} when an input is not usable, a file cannot be written or training diverges;
 *   then the last good checkpoint is kept
 * @throws {RunInterruptedError} when the signal aborted
 */
export async function run<
  Config extends RunSettings,
  Stats,
  Measurement,
  Summary extends object,
>(
  kind: RunKind<Config, Stats, Measurement, Summary>,
  config: Config,
  hooks: RunHooks<Stats, Measurement> = {},
  { resume = false, signal, fleet }: RunOptions = {},
): Promise<RunResult<Summary>> {
  const log = new RunLog();
  hooks = logged(hooks, log);
  const info = (line: string) => hooks.info?.(line);
  using lockedRun = resume && config.output !== null
    ? await reopenRunDirectory(config.output, info)
    : await reserveRunDirectory(config);
  const { directory } = lockedRun;
  const { device, task } = await loadTask(kind, { config, hooks, fleet }, lockedRun);
  // Where the run's folder has nothing of it yet, or nothing new, no failure is left in it.
  let stepsDone: (() => number) | null = null;
  using _ = recordExit(
    directory.path,
    () => lockedRun.isLocked && stepsDone ? stepsDone() : null,
    () => signal?.aborted === true,
  );
  try {
    const { steps } = task;
    const checkpoint = resume ? await findCheckpoint(directory.path, info) : null;
    const step = checkpoint?.state.step ?? 0;
    const fingerprints = await beginSession({ config, device, task, step, info }, lockedRun);
    log.open(directory.log);
    stepsDone = () => step;
    await fleet?.attach({ folder: directory.path, config, fingerprints, signal, info });
    if (resume) hooks.resumed?.(step);

    const { checkLock } = lockedRun;
    const adviser = new Adviser(kind.advice);
    const current = { config, directory, task, hooks, adviser, checkLock, signal };
    // Before the checkpoint is restored: killed in this measurement, a run has to repeat it.
    const before = await measureBefore(current);
    const trained = join(directory.path, task.trainedFolder);
    const session = new TrainingSession(task, {
      run: directory.path,
      trained,
      keep: config.keep,
    });
    if (checkpoint) await session.restore(checkpoint);
    stepsDone = () => session.step;
    await train(current, session);
    const result = await conclude(current, session, before).catch(async (error) => {
      if (error instanceof RunInterruptedError) throw error;
      throw await stopped(error, "after the last step", directory);
    });
    log.add(`finished after ${steps} steps`);
    await fleet?.leave(true);
    return { directory, trained, ...result };
  } catch (error) {
    // Not into what may be another process's files.
    if (!lockedRun.isLocked) throw error;
    log.add(error instanceof Error ? error.message : String(error));
    if (stepsDone && !(error instanceof RunInterruptedError)) {
      await recordFailure(directory.path, error, stepsDone());
    }
    throw error;
  } finally {
    await fleet?.leave(false);
    await task[Symbol.asyncDispose]();
    await closeDevice(device, kind, config);
  }
}

/** Adds to the log what the hooks are told. */
function logged<Stats, Measurement>(
  hooks: RunHooks<Stats, Measurement>,
  log: RunLog,
): RunHooks<Stats, Measurement> {
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
    measured(when, measurement, line) {
      log.add(line);
      hooks.measured?.(when, measurement, line);
    },
  };
}

/** Measures the model as it was loaded, or reads the measurement where it was made before. */
async function measureBefore<Stats, Measurement, Summary extends object>(
  current: Run<Stats, Measurement, Summary>,
): Promise<Measurement> {
  const { directory: { path }, task, hooks } = current;
  const parse = (json: unknown) => task.parseMeasurement(json);
  let measurement = await readMeasurement(path, task.beforeFile, parse);
  if (measurement === null) {
    measurement = await measure(current);
    current.checkLock();
    await writeMeasurement(path, task.beforeFile, measurement);
  }
  hooks.measured?.("before", measurement, task.describe("before", measurement));
  return measurement;
}

async function measure<Stats, Measurement, Summary extends object>(
  { task, directory, signal }: Run<Stats, Measurement, Summary>,
): Promise<Measurement> {
  try {
    return await task.measure(signal);
  } catch (error) {
    throw signal?.aborted ? interrupted(directory, "while it was being measured") : error;
  }
}

/** Makes the steps that are left, with their rows and checkpoints. */
async function train<Stats, Measurement, Summary extends object>(
  current: Run<Stats, Measurement, Summary>,
  session: TrainingSession,
): Promise<void> {
  const { config, directory, task: { steps }, hooks, signal } = current;
  current.checkLock();
  using files = await StepFiles.open(directory, session.step, config.log);
  hooks.begun?.(steps);
  while (session.step < steps) {
    const step = session.step + 1;
    await hooks.proceed?.();
    try {
      await trainStep(current, session, files, step);
    } catch (error) {
      if (error instanceof RunInterruptedError) {
        if (session.step === 0) throw interrupted(directory, "before the first step");
        current.checkLock();
        await session.save({ regular: false });
        throw interrupted(directory, `after step ${session.step} of ${steps}`);
      }
      if (current.task.guard === null || !isDivergence(error)) {
        throw await stopped(error, `in step ${step}`, directory);
      }
      await takeBack(current, session, step, error);
    }
    const due = config.saveEvery > 0 && step % config.saveEvery === 0;
    const asked = signal?.aborted && step < steps;
    if (due || asked || step === steps) {
      const regular = due || step === steps;
      try {
        current.checkLock();
        await session.save({ regular });
      } catch (error) {
        throw await stopped(error, `after step ${step}`, directory);
      }
    }
    if (asked) throw interrupted(directory, `after step ${step} of ${steps}`);
    await yieldToEventLoop();
  }
}

async function trainStep<Stats, Measurement, Summary extends object>(
  { task, hooks, adviser, checkLock }: Run<Stats, Measurement, Summary>,
  session: TrainingSession,
  files: StepFiles,
  step: number,
): Promise<void> {
  const start = session.state();
  const batch = await task.collect(step).catch((error) => {
    // A step that is stopped before it has its batch has not begun.
    if (error instanceof RunInterruptedError) task.position = start.prompts;
    throw error;
  });
  session.beginStep(start);
  const { stats, metrics, samples, score, measured } = await task.step(batch, step);
  checkLock();
  const row = files.append(step, metrics, samples);
  await session.completeStep(score, measured);
  hooks.stepped?.(step, stats, row, samples);
  const advice = adviser.add(row);
  if (advice !== null) hooks.info?.(advice);
}

/**
 * Takes a step back that diverged, and goes on or gives up, as the guard has it.
 *
 * @throws {UserError} when training is given up, or a file cannot be written
 */
async function takeBack<Stats, Measurement, Summary extends object>(
  { directory, task, hooks, checkLock }: Run<Stats, Measurement, Summary>,
  session: TrainingSession,
  step: number,
  error: Error,
): Promise<void> {
  // The first error is the one that has to be known.
  const unsaved = async (failure: unknown): Promise<never> => {
    if (!(failure instanceof UserError)) throw failure;
    const both = new UserError(`${error.message}; then: ${failure.message}`, { cause: error });
    throw await stopped(both, `in step ${step}`, directory);
  };
  checkLock();
  const { onDivergence, batchRows } = task.guard!;
  const beganBad = error instanceof TrainingDivergedError && error.beganBad;
  const dump = await dumpBatch(directory.path, step, error.message, batchRows()).catch(unsaved);
  if (onDivergence === "stop" || session.skipped === MAX_SKIPS) {
    await session.giveUp(beganBad).catch(unsaved);
    throw new UserError(
      `${error.message} (stopped in step ${step}; the last good ${task.trainedFolder} is in ` +
        `${join(directory.path, task.trainedFolder)}, the batch in ${dump})`,
      { cause: error },
    );
  }
  session.skipStep(beganBad);
  hooks.info?.(`step ${step} is skipped: ${error.message} (the batch is in ${dump})`);
}

/** Writes the result of training, measures again, and writes `summary.json` at the very end. */
async function conclude<Stats, Measurement, Summary extends object>(
  current: Run<Stats, Measurement, Summary>,
  session: TrainingSession,
  before: Measurement,
): Promise<{ summary: Summary; comparison: ComparisonRow[] }> {
  const { directory, task, hooks, checkLock } = current;
  checkLock();
  await session.saveTrained();
  const { bestMeasured } = session;
  if (bestMeasured) {
    const best = join(directory.path, BEST_FOLDER);
    hooks.info?.(
      `the best ${task.trainedFolder} on the way is that of step ${bestMeasured.step}: ${best}`,
    );
  }
  const after = await measure(current);
  hooks.measured?.("after", after, task.describe("after", after));
  const folder = directory.path;
  const finished = { folder, elapsed: () => session.seconds };
  const { summary, files, comparison } = await task.conclude(before, after, finished);
  checkLock();
  for (const [path, text] of Object.entries(files)) {
    await writeFileAtomic(join(folder, path), text);
  }
  await writeSummary(directory.summary, summary);
  return { summary, comparison };
}

function interrupted({ path }: RunDirectory, where: string): RunInterruptedError {
  return new RunInterruptedError(`stopped ${where}`, { run: path });
}

/**
 * Adds to an error where a run stopped and what of it is kept, when something around training went
 * wrong: a reward, the device, the disk.
 */
async function stopped(error: unknown, where: string, { path }: RunDirectory): Promise<unknown> {
  if (!(error instanceof UserError)) return error;
  const last = (await listCheckpoints(path).catch(() => [])).at(-1);
  const kept = last === undefined ? "with no step saved" : `saved up to step ${last}`;
  return new UserError(
    `${error.message.replace(/\.$/, "")} (stopped ${where}, ${kept})`,
    // With the same settings it would diverge again.
    { cause: error, run: isDivergence(error) ? undefined : path },
  );
}
