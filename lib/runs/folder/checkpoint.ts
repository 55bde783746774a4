import { join } from "../../platform/paths.ts";
import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { writeFolderAtomic } from "../../platform/atomic_folder.ts";
import { temporaryPath } from "../../platform/temporary_name.ts";
import { fileFingerprint } from "../../formats/fingerprint.ts";
import { ioReason } from "../../platform/io_error.ts";
import { SafetensorsFile, writeSafetensors } from "../../formats/safetensors.ts";
import type { Parameters } from "../../nn/parameters.ts";
import type { Trainer } from "../../training/trainer.ts";
import { listFolder, readTextFile, removeFolder, rename } from "../../platform/files.ts";

const STATE_FILE = "trainer_state.json";
const OPTIMIZER_FILE = "optimizer.safetensors";

const stateSchema = z.object({
  /** Format of this file and those beside it. */
  format: z.literal(1),
  /** Steps done, those that were skipped included. */
  step: z.int().nonnegative(),
  /** State of the trainer, which checks it. */
  trainer: z.unknown(),
  /** Updates that Adam has made. */
  optimizerSteps: z.int().nonnegative(),
  /** Position in the data, which the task checks. */
  prompts: z.unknown(),
  /** Scores of the steps since the last regular checkpoint. */
  window: z.object({ sum: z.number(), count: z.int().nonnegative() }),
  /** Regular checkpoint with the largest mean score in its window. */
  best: z.object({ step: z.int(), score: z.number() }).nullable(),
  /** Step whose result measured best, where a run measures on its way. */
  bestMeasured: z.object({ step: z.int(), score: z.number() }).optional(),
  /** Steps in a row that a guard skipped. */
  skipped: z.int().nonnegative(),
  /** Seconds that the run has taken. */
  seconds: z.number().nonnegative(),
  /** SHA-256 of each file of the checkpoint. */
  files: z.record(z.string(), z.string()),
});

/** State of a run between steps, beside weights and moments: `trainer_state.json`. */
export type CheckpointState = Omit<z.output<typeof stateSchema>, "format" | "files">;

/** A checkpoint that was read and found whole. */
export interface Checkpoint {
  /** Folder. */
  path: string;
  /** Content of `trainer_state.json`. */
  state: CheckpointState;
}

/** A trainer, and how a checkpoint keeps its parameters. */
export interface Checkpointed {
  /** Trainer, whose optimizer, frozen parameters and state are kept as well. */
  readonly trainer: Trainer;
  /** Writes the trainer's parameters exactly, so that they can be used as they are. @throws {UserError} */
  writeTrained(folder: string): Promise<void>;
  /** Reads the parameters again, by their names. @throws {UserError} */
  readTrained(folder: string): AsyncIterable<readonly [name: string, values: Float32Array]>;
}

/** Path of the checkpoint of a step. */
function checkpointPath(run: string, step: number): string {
  return join(run, `checkpoint-${step}`);
}

/**
 * Writes `checkpoint-<step>/`: what is trained, as its kind of run writes it (an adapter can be used
 * as `--adapter`); `optimizer.safetensors` (Adam's moments, packed as {@linkcode Parameters} are);
 * a file for each of the trainer's frozen parameters (`reference.safetensors`); and
 * `trainer_state.json`. It appears whole or not at all.
 *
 * @throws {UserError} when a file cannot be written
 */
export async function saveCheckpoint(
  run: string,
  checkpointed: Checkpointed,
  state: CheckpointState,
): Promise<void> {
  const { optimizer: { firstMoment, secondMoment }, frozen } = checkpointed.trainer;
  await writeFolderAtomic(checkpointPath(run, state.step), async (folder) => {
    await checkpointed.writeTrained(folder);
    const moments = await Promise.all([firstMoment.read(), secondMoment.read()]);
    await writeTensors(
      join(folder, OPTIMIZER_FILE),
      moments.map((data, index) => [
        index === 0 ? "exp_avg" : "exp_avg_sq",
        { shape: [data.length], data },
      ]),
    );
    for (const [name, parameters] of Object.entries(frozen)) {
      await writeTensors(join(folder, `${name}.safetensors`), await parameters.readAll());
    }
    const files: Record<string, string> = {};
    for (const { name } of await listFolder(folder)) {
      files[name] = await fileFingerprint(join(folder, name));
    }
    const json = JSON.stringify({ format: 1, ...state, files }, null, 2);
    await writeFileAtomic(join(folder, STATE_FILE), json + "\n");
  });
}

async function writeTensors(
  path: string,
  tensors: Iterable<readonly [string, { shape: readonly number[]; data: Float32Array }]>,
): Promise<void> {
  const named = Array.from(tensors, ([name, { shape, data }]) =>
    [
      name,
      { dtype: "F32" as const, shape, data: new Float32Array(data) },
    ] as const);
  await writeSafetensors(path, new Map(named));
}

/**
 * Finds the latest checkpoint of a run that is whole.
 *
 * @param skipped told of each later one that is not, and why
 * @returns null when there is none
 * @throws {UserError} when the run's folder cannot be read
 */
export async function findCheckpoint(
  run: string,
  skipped: (line: string) => void,
): Promise<Checkpoint | null> {
  for (const step of (await listCheckpoints(run)).reverse()) {
    const path = checkpointPath(run, step);
    try {
      return { path, state: await readState(path, step) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      skipped(`checkpoint-${step} is broken and left out: ${error.message}`);
    }
  }
  return null;
}

/** Steps that a run has checkpoints of, ascending. @throws {UserError} */
export async function listCheckpoints(run: string): Promise<number[]> {
  try {
    const entries = await listFolder(run);
    const steps = entries.map(({ name }) => Number(name.match(/^checkpoint-(\d+)$/)?.[1] ?? NaN));
    return steps.filter(Number.isSafeInteger).sort((a, b) => a - b);
  } catch (error) {
    throw new UserError(`cannot read the run ${run}: ${ioReason(error)}`, { cause: error });
  }
}

async function readState(path: string, step: number): Promise<CheckpointState> {
  const file = join(path, STATE_FILE);
  let json: unknown;
  try {
    json = JSON.parse(await readTextFile(file));
  } catch (error) {
    const reason = error instanceof SyntaxError ? "it is not JSON" : ioReason(error);
    throw new UserError(`cannot read ${STATE_FILE}: ${reason}`, { cause: error });
  }
  const parsed = stateSchema.safeParse(json);
  if (!parsed.success) {
    const [{ path: at, message }] = parsed.error.issues;
    throw new UserError(`${STATE_FILE}: ${at.join(".")}: ${message}`);
  }
  const { format: _, files, ...state } = parsed.data;
  if (state.step !== step) throw new UserError(`${STATE_FILE} is of step ${state.step}`);
  for (const [name, expected] of Object.entries(files)) {
    if (await fileFingerprint(join(path, name)) !== expected) {
      throw new UserError(`${name} is not what was saved`);
    }
  }
  return state;
}

/**
 * Makes a trainer what it was when the checkpoint was saved.
 *
 * @throws {UserError} when the checkpoint is of another model, adapter or algorithm
 */
export async function restoreCheckpoint(
  { path, state }: Checkpoint,
  checkpointed: Checkpointed,
): Promise<void> {
  const { trainer } = checkpointed;
  await writeParameters(path, trainer.parameters, checkpointed.readTrained(path));
  for (const [name, parameters] of Object.entries(trainer.frozen)) {
    const values = readTensors(join(path, `${name}.safetensors`));
    await writeParameters(path, parameters, values);
  }
  using file = SafetensorsFile.open(join(path, OPTIMIZER_FILE));
  const { firstMoment, secondMoment } = trainer.optimizer;
  for (const [name, moment] of [["exp_avg", firstMoment], ["exp_avg_sq", secondMoment]] as const) {
    const data = file.readFloats(name);
    if (data.length !== moment.length) throw otherModel(path, name);
    moment.write(data);
  }
  trainer.optimizer.stepCount = state.optimizerSteps;
  trainer.setState(state.trainer);
}

/** Reads the tensors of a safetensors file, one at a time. @throws {UserError} */
export async function* readTensors(
  path: string,
): AsyncGenerator<readonly [name: string, values: Float32Array]> {
  using file = SafetensorsFile.open(path);
  for (const name of file.tensors.keys()) yield [name, file.readFloats(name)];
}

async function writeParameters(
  path: string,
  parameters: Parameters,
  values: AsyncIterable<readonly [name: string, values: Float32Array]>,
): Promise<void> {
  const missing = new Set(parameters.names);
  for await (const [name, data] of values) {
    if (!missing.delete(name)) continue;
    if (data.length !== parameters.get(name).length) throw otherModel(path, name);
    parameters.write(name, data);
  }
  for (const name of missing) throw otherModel(path, name);
}

function otherModel(path: string, name: string): UserError {
  return new UserError(`${path} is of another model or adapter: ${name} does not fit`);
}

/**
 * Deletes all checkpoints but the last `keep` and the best.
 *
 * @throws {UserError} when one cannot be deleted
 */
export async function pruneCheckpoints(
  run: string,
  keep: number,
  best: number | null,
): Promise<void> {
  const steps = await listCheckpoints(run);
  await removeCheckpoints(run, steps.slice(0, -keep).filter((step) => step !== best));
}

/** Deletes the checkpoints of these steps. @throws {UserError} when one cannot be deleted */
export async function removeCheckpoints(run: string, steps: readonly number[]): Promise<void> {
  for (const step of steps) {
    const path = checkpointPath(run, step);
    try {
      // Under a name that is no checkpoint's: one that is half deleted is not to be found.
      const aside = temporaryPath(path);
      await rename(path, aside);
      await removeFolder(aside);
    } catch (error) {
      throw new UserError(`cannot delete ${path}: ${ioReason(error)}`, { cause: error });
    }
  }
}
