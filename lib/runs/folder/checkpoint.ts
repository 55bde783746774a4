import { join } from "node:path";
import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { writeFolderAtomic } from "../../platform/atomic_folder.ts";
import { fileFingerprint } from "../../formats/fingerprint.ts";
import { ioReason } from "../../platform/io_error.ts";
import { readPeftAdapter, readValueHead } from "../../formats/peft.ts";
import { SafetensorsFile, writeSafetensors } from "../../formats/safetensors.ts";
import { savePolicy } from "../../models/policy.ts";
import type { Parameters } from "../../nn/parameters.ts";
import type { PPOTrainer } from "../../rl/ppo_trainer.ts";

const STATE_FILE = "trainer_state.json";
const OPTIMIZER_FILE = "optimizer.safetensors";
const REFERENCE_FILE = "reference.safetensors";

const words = z.array(z.int().nonnegative()).length(4);

const stateSchema = z.object({
  /** Of this file and those beside it. */
  format: z.literal(1),
  /** Steps done, those that were skipped included. */
  step: z.int().nonnegative(),
  trainer: z.object({ step: z.int().nonnegative(), klCoef: z.number(), random: words }),
  /** Adam's count of updates. */
  optimizerSteps: z.int().nonnegative(),
  /** Position in the data. */
  prompts: z.object({ random: words, drawn: z.int().nonnegative() }),
  /** Mean rewards of the steps since the last regular checkpoint. */
  window: z.object({ sum: z.number(), count: z.int().nonnegative() }),
  /** The regular checkpoint with the largest mean reward in its window. */
  best: z.object({ step: z.int(), score: z.number() }).nullable(),
  /** Steps in a row that a guard skipped. */
  skipped: z.int().nonnegative(),
  /** Wall-clock time that the run has taken. */
  seconds: z.number().nonnegative(),
  /** SHA-256 of each file of the checkpoint. */
  files: z.record(z.string(), z.string()),
});

/** What a run remembers between steps beside weights and moments: `trainer_state.json`. */
export type CheckpointState = Omit<z.output<typeof stateSchema>, "format" | "files">;

/** A checkpoint that was read and found whole. */
export interface Checkpoint {
  /** Its folder. */
  path: string;
  /** What is in `trainer_state.json`. */
  state: CheckpointState;
}

/** Where a run keeps the checkpoint of a step. */
export function checkpointPath(run: string, step: number): string {
  return join(run, `checkpoint-${step}`);
}

/**
 * Writes `checkpoint-<step>/`: the adapter as PEFT does and the value head, so that it can be used
 * as `--adapter`; `optimizer.safetensors` (Adam's moments, packed as {@linkcode Parameters} are);
 * `reference.safetensors` (the first adapter, where the KL is measured from it and it was not new);
 * and `trainer_state.json`. It appears whole or not at all.
 *
 * @param baseModel what adapter_config.json names as the base model
 * @throws {UserError} when a file cannot be written
 */
export async function saveCheckpoint(
  run: string,
  trainer: PPOTrainer,
  state: CheckpointState,
  baseModel: string,
): Promise<void> {
  await writeFolderAtomic(checkpointPath(run, state.step), async (folder) => {
    const { firstMoment, secondMoment } = trainer.optimizer;
    await savePolicy(trainer.policy, folder, baseModel);
    const moments = await Promise.all([firstMoment.read(), secondMoment.read()]);
    await writeTensors(
      join(folder, OPTIMIZER_FILE),
      moments.map((data, index) => [
        index === 0 ? "exp_avg" : "exp_avg_sq",
        { shape: [data.length], data },
      ]),
    );
    if (trainer.reference) {
      const values = await trainer.reference.parameters.readAll();
      await writeTensors(join(folder, REFERENCE_FILE), values);
    }
    const files: Record<string, string> = {};
    for await (const { name } of Deno.readDir(folder)) {
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
    const entries = await Array.fromAsync(Deno.readDir(run));
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
    json = JSON.parse(await Deno.readTextFile(file));
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
 * @throws {UserError} when the checkpoint is of another model or adapter
 */
export async function restoreCheckpoint(
  { path, state }: Checkpoint,
  trainer: PPOTrainer,
): Promise<void> {
  const { policy: { parameters }, optimizer, reference } = trainer;
  const adapter = await readPeftAdapter(path);
  const valueHead = await readValueHead(path);
  const values = new Map(Array.from(adapter.tensors, ([name, { data }]) => [name, data]));
  if (valueHead) {
    values.set("v_head.summary.weight", valueHead.weight);
    values.set("v_head.summary.bias", Float32Array.of(valueHead.bias));
  }
  writeParameters(path, parameters, values);
  if (reference) {
    using file = SafetensorsFile.open(join(path, REFERENCE_FILE));
    const names = [...file.tensors.keys()];
    writeParameters(
      path,
      reference.parameters,
      new Map(names.map((name) => [name, file.readFloats(name)])),
    );
  }
  using file = SafetensorsFile.open(join(path, OPTIMIZER_FILE));
  const { firstMoment, secondMoment } = optimizer;
  for (const [name, moment] of [["exp_avg", firstMoment], ["exp_avg_sq", secondMoment]] as const) {
    const data = file.readFloats(name);
    if (data.length !== moment.length) throw otherModel(path, name);
    moment.write(data);
  }
  optimizer.stepCount = state.optimizerSteps;
  trainer.setState(state.trainer);
}

function writeParameters(
  path: string,
  parameters: Parameters,
  values: ReadonlyMap<string, Float32Array>,
): void {
  for (const name of parameters.names) {
    const data = values.get(name);
    if (data?.length !== parameters.get(name).length) throw otherModel(path, name);
    parameters.write(name, data);
  }
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
      const aside = join(run, `.checkpoint-${step}.${crypto.randomUUID()}.tmp`);
      await Deno.rename(path, aside);
      await Deno.remove(aside, { recursive: true });
    } catch (error) {
      throw new UserError(`cannot delete ${path}: ${ioReason(error)}`, { cause: error });
    }
  }
}
