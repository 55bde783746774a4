import { hostname } from "node:os";
import type { Device } from "../device/device.ts";
import { NotFiniteError, OutOfMemoryError, UserError } from "../errors.ts";
import type { Generated } from "../generation/generate.ts";
import type { JsMsg } from "../packages/nats.ts";
import { respond } from "../runs/kinds/fleet/generator.ts";
import type { DatasetHooks } from "../runs/loading/dataset.ts";
import { openRunDevice, type RunDeviceOptions } from "../runs/loading/device.ts";
import { type Connection, connectNats, type NatsAddress } from "./connection.ts";
import { isTransient } from "./fleet.ts";
import { decode, encode, type Result, type RunEntry, type Work } from "./messages.ts";
import { layoutOf, takePolicy } from "./policy_objects.ts";
import { Presence } from "./presence.ts";
import {
  HEARTBEAT_MS,
  isGone,
  listRuns,
  openRunStores,
  refusalSubject,
  resultSubject,
  type RunStores,
  workConsumer,
} from "./topology.ts";
import { type LoadedSubject, loadSubject, type WorkerSources } from "./worker_subject.ts";

/** Time between looks for a run, in milliseconds. */
const SEARCH_MS = 1000;
/** Longest wait for work between looks at the signal, in milliseconds. */
const WAIT_MS = 2000;

/** Settings of a worker. */
export interface WorkerOptions extends RunDeviceOptions, WorkerSources {
  /** Id of the run to work for; null for any. */
  readonly run: string | null;
  /** Name of the worker; null to make one. */
  readonly name: string | null;
  /** Maximum number of responses that are made together. */
  readonly batchSize: number;
  /** Ends when the run does, instead of waiting for another. */
  readonly once: boolean;
}

/** Listeners of a worker. */
export interface WorkerHooks extends DatasetHooks {
  /** Some work is done. */
  worked?(facts: { step: number; rollouts: number; tokens: number; seconds: number }): void;
}

/**
 * Works for runs until the signal aborts: takes prompts, responds with the policy that the trainer has
 * stored, scores, and stores the results. It may be killed at any time; its work then goes to others.
 *
 * @throws {UserError} when the server cannot be used, the model is another one than the trainer's, or
 *   the trainer refuses a result
 */
export async function work(
  address: NatsAddress,
  options: WorkerOptions,
  hooks: WorkerHooks,
  signal: AbortSignal,
): Promise<void> {
  const name = options.name ?? `${hostname()}-${crypto.getRandomValues(new Uint8Array(3)).toHex()}`
    .replaceAll(/[^\w-]+/g, "-");
  if (!/^[\w-]{1,80}$/.test(name)) {
    throw new UserError(`the name ${JSON.stringify(name)} has more than letters, digits, - and _`);
  }
  await using connection = await connectNats(address, `temper worker ${name}`);
  hooks.info?.(`worker ${name} at ${connection.address}`);
  let isSearching = false;
  while (!signal.aborted) {
    const found = await findRun(connection, options.run);
    if (found === null) {
      if (!isSearching) hooks.info?.("waiting for a run");
      isSearching = true;
      await pause(SEARCH_MS, signal);
      continue;
    }
    isSearching = false;
    const ended = await workFor(connection, found, { ...options, name }, hooks, signal);
    if (!ended) continue;
    hooks.info?.(`run ${found.id} has ended`);
    if (options.once) return;
  }
}

interface FoundRun {
  readonly id: string;
  readonly stores: RunStores;
  readonly entry: RunEntry;
}

/** Finds a run that a trainer has described; null where there is none yet. */
async function findRun(connection: Connection, wanted: string | null): Promise<FoundRun | null> {
  try {
    const ids = wanted === null ? await listRuns(connection.jsm) : [wanted];
    for (const id of ids) {
      const stores = await openRunStores(connection, id);
      const found = await stores.entries.get("run");
      if (found?.operation !== "PUT") continue;
      const entry = decode("run", found.value);
      if (entry) return { id, stores, entry };
      throw new UserError(
        `run ${id} was described by another version of Temper: use the same on all machines`,
      );
    }
  } catch (error) {
    if (!isGone(error) && !isTransient(error)) throw error;
  }
  return null;
}

/** Works for one run. Returns true when that has ended, false when the signal aborted. */
async function workFor(
  connection: Connection,
  { id, stores, entry }: FoundRun,
  options: WorkerOptions & { name: string },
  hooks: WorkerHooks,
  signal: AbortSignal,
): Promise<boolean> {
  const { name } = options;
  await using presence = new Presence(stores.workers, name);
  let device: Device | null = null;
  const refusals = connection.nats.subscribe(refusalSubject(id, name));
  try {
    device = await openRunDevice(options);
    presence.update({ device: device.description, state: "loading" });
    hooks.info?.(`run ${id} (${entry.config.kind}), on ${device.description}`);
    const subject = await loadSubject(device, entry, options, hooks);
    checkLayout(entry, subject);
    presence.update({ state: "waiting" });
    const shift = new Shift(connection, id, stores, subject, presence, options, hooks);
    let refused: string | null = null;
    (async () => {
      for await (const message of refusals) refused ??= message.string();
    })();
    while (!signal.aborted) {
      if (refused !== null) {
        throw new UserError(`the trainer refuses this worker's results: ${refused}`);
      }
      try {
        await shift.take();
      } catch (error) {
        if (isGone(error)) return true;
        if (!isTransient(error)) throw error;
        await pause(SEARCH_MS, signal);
      }
    }
    return false;
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

/** A worker's time at one run. */
class Shift {
  /** Digest of the policy that is loaded. */
  #policy: string | null = null;
  #batchSize: number;

  constructor(
    private readonly connection: Connection,
    private readonly id: string,
    private readonly stores: RunStores,
    private readonly subject: LoadedSubject,
    private readonly presence: Presence,
    private readonly options: WorkerOptions & { name: string },
    private readonly hooks: WorkerHooks,
  ) {
    this.#batchSize = options.batchSize;
  }

  /** Takes this worker's share of the work that waits, and does it. Returns after a while without any. */
  async take(): Promise<void> {
    const messages = await this.#fetch();
    if (messages.length === 0) return;
    const sign = setInterval(() => messages.forEach((message) => message.working()), HEARTBEAT_MS);
    try {
      await this.#work(messages);
    } catch (error) {
      // Another worker may do it.
      for (const message of messages) message.nak(HEARTBEAT_MS);
      throw error;
    } finally {
      clearInterval(sign);
      this.presence.update({ state: "waiting" });
    }
  }

  /** Fetches work: what waits, divided by the workers. */
  async #fetch(): Promise<JsMsg[]> {
    const consumer = await workConsumer(this.connection, this.stores.names);
    const first = await consumer.next({ expires: WAIT_MS });
    if (first === null) return [];
    const work = decode("work", first.data);
    const { pending } = first.info;
    const share = Math.ceil((pending + 1) / Math.max(1, this.presence.workers));
    const most = Math.max(1, Math.floor(this.#batchSize / (work?.responses ?? 1)));
    const more = Math.min(share, most, pending + 1) - 1;
    if (more <= 0) return [first];
    const messages = [first];
    // Others may have taken some of it.
    const fetched = await consumer.fetch({ max_messages: more, expires: 1000 });
    for await (const message of fetched) messages.push(message);
    return messages;
  }

  async #work(messages: readonly JsMsg[]): Promise<void> {
    const { policies } = this.stores;
    const jobs = messages.map((message) => ({ message, work: decode("work", message.data) }));
    // What cannot be read is not for this version.
    const strange = jobs.find(({ work }) => work === null);
    if (strange) {
      throw new UserError(
        "the trainer's work is of another version of Temper: use the same version",
      );
    }
    const byPolicy = Map.groupBy(jobs, ({ work }) => work!.policy);
    for (const [digest, its] of byPolicy) {
      this.presence.update({ state: "working" });
      if (this.#policy !== digest) {
        this.#policy = null;
        await takePolicy(policies, digest, this.subject.generator.parameters);
        this.#policy = digest;
      }
      await this.#respond(its as { message: JsMsg; work: Work }[]);
    }
  }

  /** Responds to prompts together; where memory does not suffice, to fewer at a time. */
  async #respond(jobs: readonly { message: JsMsg; work: Work }[]): Promise<void> {
    const started = performance.now();
    const prompts = jobs.map(({ work }) => work);
    let responses: Generated[];
    try {
      responses = await respond(this.subject.generator, prompts);
    } catch (error) {
      if (error instanceof NotFiniteError) return await this.#fail(jobs, error.message);
      if (!(error instanceof OutOfMemoryError) || jobs.length === 1) throw error;
      this.#batchSize = Math.ceil(this.#batchSize / 2);
      const half = Math.ceil(jobs.length / 2);
      await this.#respond(jobs.slice(0, half));
      return await this.#respond(jobs.slice(half));
    }
    const scores = await this.subject.score(prompts, responses);
    const seconds = (performance.now() - started) / 1000;
    let row = 0;
    for (const { message, work } of jobs) {
      for (let i = 0; i < work.responses; i++, row++) {
        const { tokens, logprobs, values } = responses[row];
        await this.#store(work, i, {
          tokens,
          logprobs,
          values,
          scores: scores[row],
          seconds: seconds / responses.length,
        });
      }
      // Only now it may be forgotten.
      message.ack();
    }
    const tokens = responses.reduce((sum, { tokens }) => sum + tokens.length, 0);
    this.presence.did(responses.length, tokens, seconds);
    this.hooks.worked?.({ step: prompts[0].step, rollouts: responses.length, tokens, seconds });
  }

  /** Tells the trainer that the policy is broken. */
  async #fail(jobs: readonly { message: JsMsg; work: Work }[], failure: string): Promise<void> {
    for (const { message, work } of jobs) {
      const nothing = { tokens: [], logprobs: null, values: null, scores: {}, seconds: 0 };
      await this.#store(work, 0, { ...nothing, failure });
      message.ack();
    }
  }

  /** Stores a result, unless another worker was first. */
  async #store(
    { step, prompt, policy }: Work,
    response: number,
    result: Omit<Result, "policy" | "worker">,
  ): Promise<void> {
    const { nats, js } = this.connection;
    const message = encode(
      "result",
      { ...result, policy, worker: this.options.name },
      nats.info?.max_payload ?? 2 ** 20,
    );
    const subject = resultSubject(this.id, step, prompt, response);
    for (;;) {
      try {
        await js.publish(subject, message);
        return;
      } catch (error) {
        const { message: reason } = error as Error;
        if (/maximum messages per subject/.test(reason)) return;
        // Until the trainer has taken others, or the server is back.
        if (!/maximum bytes|insufficient/.test(reason) && !isTransient(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, SEARCH_MS));
      }
    }
  }
}

/** Waits, but no longer than until the signal aborts. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
