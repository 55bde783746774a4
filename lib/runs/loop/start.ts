import { join } from "../../platform/paths.ts";
import type { Device, GpuDevice } from "../../device/device.ts";
import { UserError } from "../../errors.ts";
import { fingerprint } from "../../formats/fingerprint.ts";
import { cacheDirectory } from "../../platform/cache_directory.ts";
import { removeFile } from "../../platform/files.ts";
import {
  checkFingerprints,
  describeSession,
  readSessions,
  writeSessions,
} from "../folder/environment.ts";
import { forgetFailure } from "../folder/failure.ts";
import { type LockedRun, writeRunConfig } from "../folder/run_directory.ts";
import { FLEET_STATE_FILE } from "../kinds/fleet/fleet_state.ts";
import type { RunKind, RunSettings } from "../kinds/run_kind.ts";
import type { RunContext, RunTask } from "../kinds/run_task.ts";
import { openRunDevice } from "../loading/device.ts";
import { keepKernels, prepareKernels } from "../loading/kept_kernels.ts";

/** A run that is loaded. */
export interface LoadedRun<Stats, Measurement, Summary extends object> {
  readonly device: Device;
  readonly task: RunTask<Stats, Measurement, Summary>;
}

/**
 * Opens the device of a run, and loads and checks all that it needs. What cannot start leaves nothing
 * behind.
 *
 * @throws {UserError} when an input is not usable
 * @throws {OutOfMemoryError} when training would not fit on the device
 */
export async function loadTask<
  Config extends RunSettings,
  Stats,
  Measurement,
  Summary extends object,
>(
  kind: RunKind<Config, Stats, Measurement, Summary>,
  { config, hooks, fleet }: Pick<RunContext<Config>, "config" | "hooks" | "fleet">,
  lockedRun: LockedRun,
): Promise<LoadedRun<Stats, Measurement, Summary>> {
  let device: Device | null = null;
  const loading = new AsyncDisposableStack();
  try {
    device = await openRunDevice(config, (line) => hooks.info?.(line));
    if (keepsKernels(device)) {
      await prepareKernels(device, cacheDirectory(), purposeOf(kind, config));
    }
    return { device, task: await kind.open({ config, device, hooks, loading, fleet }) };
  } catch (error) {
    await fleet?.leave(false);
    await loading.disposeAsync();
    device?.close();
    await lockedRun.release();
    throw error;
  }
}

/** Closes the device of a run, and keeps the names of the kernels that it launched. */
export async function closeDevice(
  device: Device,
  kind: { readonly kind: string },
  config: RunSettings,
): Promise<void> {
  if (keepsKernels(device)) await keepKernels(device, cacheDirectory(), purposeOf(kind, config));
  device.close();
}

/** Tells devices whose compiler takes long enough: software adapters serve tests. */
function keepsKernels(device: Device): device is GpuDevice {
  return device.kind === "webgpu" && !device.software;
}

/** Purpose of kernels: the kind of run and its model, which decide which ones are launched. */
function purposeOf({ kind }: { readonly kind: string }, { model }: RunSettings): string {
  return `${kind} ${model ?? ""}`;
}

/** A session that begins. */
export interface BeginningSession {
  readonly config: RunSettings;
  readonly device: Device;
  readonly task: Pick<RunTask, "steps" | "sources">;
  /** Steps done before it. */
  readonly step: number;
  /** Called with a line for people. */
  info(line: string): void;
}

/**
 * Writes the first files of a run, or of one that goes on, once it is sure that it can: `config.json`
 * and `environment.json`. From then on a process that is killed can be followed by another.
 *
 * @returns fingerprints of what the run is made from
 * @throws {SourceChangedError} when something of that has changed since the run started
 * @throws {UserError} when the run has done more steps than it is to have, or a file cannot be written
 */
export async function beginSession(
  { config, device, task: { steps, sources }, step, info }: BeginningSession,
  { directory, checkLock }: Pick<LockedRun, "directory" | "checkLock">,
): Promise<Record<string, string>> {
  if (step > steps) {
    throw new UserError(
      `the run has done ${step} steps, more than \`steps\` ${steps}: give at least as many`,
    );
  }
  const fingerprints = await fingerprintAll(sources);
  const environment = await describeSession(device, { step, steps, fingerprints });
  const earlier = await readSessions(directory.environment, info);
  checkFingerprints(earlier, environment);
  const rates = step > 0 && changedRates(config, earlier.at(-1)?.steps, steps);
  if (rates) info(rates);
  checkLock();
  await writeRunConfig(directory, config);
  await writeSessions(directory.environment, [...earlier, environment]);
  // From now until its end the run is not a finished one.
  await removeFile(directory.summary).catch(() => {});
  await forgetFailure(directory.path);
  // A trainer that was killed has left it.
  await removeFile(join(directory.path, FLEET_STATE_FILE)).catch(() => {});
  return fingerprints;
}

/**
 * Says in one line that another number of steps changes the learning rates, whose schedule ends with
 * the last step; null where it does not.
 *
 * @param before steps of the run so far; undefined where they are not known
 */
function changedRates(
  config: RunSettings,
  before: number | undefined,
  steps: number,
): string | null {
  const { lrScheduler = "constant" } = config as { readonly lrScheduler?: string };
  if (before === undefined || before === steps || lrScheduler === "constant") return null;
  return `the ${lrScheduler} learning rate now ends with step ${steps}, no longer with step ` +
    `${before}: the result is not that of a run with ${steps} steps from the start`;
}

async function fingerprintAll(
  paths: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const fingerprints: Record<string, string> = {};
  for (const [name, path] of Object.entries(paths)) fingerprints[name] = await fingerprint(path);
  return fingerprints;
}
