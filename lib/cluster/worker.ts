import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import { openRunDevice, type RunDeviceOptions } from "../runs/loading/device.ts";
import { machineName } from "../platform/program.ts";
import type { NatsAddress } from "./address.ts";
import { type Connection, connectNats } from "./connection.ts";
import type { RunEntry } from "./messages.ts";
import { isGone, pause, willPass } from "./patience.ts";
import { layoutOf } from "./policy_objects.ts";
import { Presence } from "./presence.ts";
import { type FoundRun, RunSearch } from "./run_search.ts";
import { Shift } from "./shift.ts";
import { refusalSubject } from "./topology.ts";
import type { WorkerHooks } from "./worker_hooks.ts";
import { type LoadedSubject, loadSubject, type WorkerSources } from "./worker_subject.ts";

/** Time between looks for a run, in milliseconds. */
const SEARCH_MS = 1000;
/** Time without work after which a worker looks whether another run has some, in milliseconds. */
const IDLE_MS = 10_000;
/** Time for which a server may be away before a worker for one run ends, in milliseconds. */
const AWAY_MS = 120_000;

/** Settings of a worker. */
export interface WorkerOptions extends RunDeviceOptions, WorkerSources {
  /** Id of the run to work for; null for any. */
  readonly run: string | null;
  /** Name of the worker; null to make one. */
  readonly name: string | null;
  /** Maximum number of responses that are generated together. */
  readonly batchSize: number;
  /** Ends when the run does, instead of waiting for another; or when the server is away for long. */
  readonly once: boolean;
  /** Time for which it may be away then, in milliseconds; default two minutes. */
  readonly awayMs?: number;
}

/**
 * Works for runs until the signal aborts: takes prompts, responds with the policy that the trainer has
 * stored, scores, and stores the results. It may be killed at any time; its work then goes to others.
 *
 * @throws {UserError} when the server cannot be used, the model is not the trainer's, or
 *   the trainer refuses a result
 */
export async function work(
  address: NatsAddress,
  options: WorkerOptions,
  hooks: WorkerHooks,
  signal: AbortSignal,
): Promise<void> {
  const name = options.name ??
    `${machineName()}-${crypto.getRandomValues(new Uint8Array(3)).toHex()}`
      .replaceAll(/[^\w-]+/g, "-");
  if (!/^[\w-]{1,80}$/.test(name)) {
    throw new UserError(
      `\`name\` ${JSON.stringify(name)}: expected up to 80 letters, digits, - and _`,
    );
  }
  await using connection = await connectNats(address, `temper worker ${name}`);
  hooks.info?.(`worker ${name} at ${connection.address}`);
  const watch = new ServerWatch(connection, options.once ? options.awayMs ?? AWAY_MS : null);
  const search = new RunSearch(connection, options.run, (line) => hooks.info?.(line));
  let isSearching = false;
  while (!signal.aborted) {
    watch.check();
    const found = await search.next();
    if (found === null) {
      if (!isSearching) {
        hooks.waiting?.();
        const { run } = options;
        hooks.info?.(run === null ? "waiting for a run" : `no run ${run} yet: waiting for it`);
      }
      isSearching = true;
      await pause(SEARCH_MS, signal);
      continue;
    }
    isSearching = false;
    const its = { ...options, name };
    const look = { check: () => watch.check(), search };
    const end = await workFor(connection, found, its, hooks, signal, look);
    if (end !== "ended") continue;
    hooks.info?.(`run ${found.id} has ended`);
    if (options.once) return;
  }
}

/** Watches whether the server is there. */
class ServerWatch {
  #awaySince: number | null = null;

  /** @param patience time for which it may be away, in milliseconds; null for no limit */
  constructor(private readonly connection: Connection, private readonly patience: number | null) {
    (async () => {
      for await (const { type } of connection.nats.status()) {
        if (type === "disconnect") this.#awaySince ??= performance.now();
        if (type === "reconnect") this.#awaySince = null;
      }
    })();
  }

  /** @throws {UserError} when the server has been away for too long */
  check(): void {
    if (this.patience === null || this.#awaySince === null) return;
    const away = performance.now() - this.#awaySince;
    if (away < this.patience) return;
    throw new UserError(
      `NATS at ${this.connection.address} has been away for ${Math.round(away / 1000)} seconds`,
    );
  }
}

/**
 * Works for one run, until it has ended, the signal aborts, or another run has work and this one has
 * none.
 */
async function workFor(
  connection: Connection,
  { id, stores, entry }: FoundRun,
  options: WorkerOptions & { name: string },
  hooks: WorkerHooks,
  signal: AbortSignal,
  look: { check(): void; search: RunSearch },
): Promise<"ended" | "left"> {
  const { name } = options;
  await using presence = new Presence(connection, stores, name);
  let device: Device | null = null;
  const refusals = connection.nats.subscribe(refusalSubject(id, name));
  try {
    device = await openRunDevice(options);
    presence.update({ device: device.description, state: "loading" });
    const { config: { kind } } = entry;
    hooks.found?.({ run: id, kind, device: device.description });
    hooks.info?.(`run ${id} (${kind}), on ${device.description}`);
    const subject = await loadSubject(device, entry, options, hooks);
    checkLayout(entry, subject);
    presence.update({ state: "waiting" });
    const shift = new Shift({ connection, id, stores, subject, presence }, options, hooks, signal);
    let idleSince = performance.now();
    let refused: string | null = null;
    (async () => {
      for await (const message of refusals) refused ??= message.string();
    })();
    while (!signal.aborted) {
      if (refused !== null) {
        throw new UserError(`the trainer refuses this worker's results: ${refused}`);
      }
      look.check();
      try {
        if (await shift.take()) idleSince = performance.now();
        if (options.run !== null || performance.now() - idleSince < IDLE_MS) continue;
        if (await look.search.hasWorkBeside(id)) return "left";
        idleSince = performance.now();
      } catch (error) {
        if (isGone(error)) return "ended";
        if (error === signal.reason) return "left";
        if (!willPass(error)) throw error;
        await pause(SEARCH_MS, signal);
      }
    }
    return "left";
  } finally {
    refusals.unsubscribe();
    device?.close();
  }
}

/** @throws {UserError} when the policy has other parameters than the trainer's */
function checkLayout({ layout }: RunEntry, { generator }: LoadedSubject): void {
  const here = JSON.stringify(layoutOf(generator.parameters));
  if (here === JSON.stringify(layout)) return;
  throw new UserError(
    "the adapter's parameters on this model are not those of the trainer: the models differ",
  );
}
