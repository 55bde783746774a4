import { hostname } from "node:os";
import type { Device } from "../device/device.ts";
import { NotFiniteError, OutOfMemoryError, UserError } from "../errors.ts";
import type { Generated } from "../generation/generate.ts";
import type { JsMsg } from "../packages/nats.ts";
import { respond } from "../runs/kinds/fleet/generator.ts";
import type { DatasetHooks } from "../runs/loading/dataset.ts";
import { openRunDevice, type RunDeviceOptions } from "../runs/loading/device.ts";
import type { NatsAddress } from "./address.ts";
import { type Connection, connectNats } from "./connection.ts";
import { type FoundRun, RunSearch } from "./run_search.ts";
import { decode, encode, type Result, type RunEntry, type Work } from "./messages.ts";
import { isFull, isGone, isTransient, pause } from "./patience.ts";
import { layoutOf, takePolicy } from "./policy_objects.ts";
import { Presence } from "./presence.ts";
import {
  HEARTBEAT_MS,
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
/** Time without work after which a worker looks whether another run has some, in milliseconds. */
const IDLE_MS = 10_000;
/** Time for which a server may be away before a worker for one run ends, in milliseconds. */
const AWAY_MS = 120_000;
/** Maximum length of a response that a worker makes: more does not fit into a message. */
const MAX_NEW_TOKENS = 2 ** 17;

/** Settings of a worker. */
export interface WorkerOptions extends RunDeviceOptions, WorkerSources {
  /** Id of the run to work for; null for any. */
  readonly run: string | null;
  /** Name of the worker; null to make one. */
  readonly name: string | null;
  /** Maximum number of responses that are made together. */
  readonly batchSize: number;
  /** Ends when the run does, instead of waiting for another; or when the server is away for long. */
  readonly once: boolean;
  /** Time for which it may be away then, in milliseconds; two minutes when it is not given. */
  readonly awayMs?: number;
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
  const watch = new ServerWatch(connection, options.once ? options.awayMs ?? AWAY_MS : null);
  const search = new RunSearch(connection, options.run, (line) => hooks.info?.(line));
  let isSearching = false;
  while (!signal.aborted) {
    watch.check();
    const found = await search.next();
    if (found === null) {
      if (!isSearching) hooks.info?.("waiting for a run");
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

  /** @param patience time for which it may be away, in milliseconds; null for ever */
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
 * Works for one run, until that has ended, the signal aborts, or another run has work and this one has
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
    const shift = new Shift(connection, id, stores, subject, presence, options, hooks, signal);
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
        if (!isTransient(error)) throw error;
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
    private readonly signal: AbortSignal,
  ) {
    this.#batchSize = options.batchSize;
  }

  /**
   * Takes this worker's share of the work that waits, and does it. Returns false after a while without
   * any.
   */
  async take(): Promise<boolean> {
    const messages = await this.#fetch();
    if (messages.length === 0) return false;
    const sign = setInterval(() => messages.forEach((message) => message.working()), HEARTBEAT_MS);
    try {
      await this.#work(messages);
      return true;
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
    const jobs = messages.flatMap((message) => {
      const work = decode("work", message.data);
      if (work && this.#isPossible(work)) return [{ message, work }];
      // Redelivered to others, it would occupy them all. The trainer asks again for what is missing.
      this.#discard(message, "it cannot be read");
      return [];
    });
    for (const [digest, its] of Map.groupBy(jobs, ({ work }) => work.policy)) {
      this.presence.update({ state: "working" });
      if (this.#policy !== digest) {
        this.#policy = null;
        const { parameters } = this.subject.generator;
        if (!await takePolicy(this.stores.policies, digest, parameters)) {
          // The trainer deletes a policy when it has all that the policy was to make.
          for (const { message } of its) this.#discard(message, "its policy is gone");
          continue;
        }
        this.#policy = digest;
      }
      await this.#respond(its);
    }
  }

  /** Tells whether the model can respond to a prompt at all. */
  #isPossible({ tokens, maxNewTokens }: Work): boolean {
    const { vocabSize } = this.subject.generator.model;
    return maxNewTokens <= MAX_NEW_TOKENS && tokens.every((token) => token < vocabSize);
  }

  #discard(message: JsMsg, why: string): void {
    message.term();
    this.hooks.info?.(`work for ${message.subject} is left: ${why}`);
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
    const { nats, js, jsm } = this.connection;
    const message = encode(
      "result",
      { ...result, policy, worker: this.options.name },
      nats.info?.max_payload ?? 2 ** 20,
    );
    const subject = resultSubject(this.id, step, prompt, response);
    for (let isTold = false;;) {
      try {
        await js.publish(subject, message);
        return;
      } catch (error) {
        const { message: reason } = error as Error;
        if (/maximum messages per subject/.test(reason)) return;
        if (!isFull(error) && !isTransient(error)) throw error;
        if (this.signal.aborted) throw error;
        if (isFull(error) && !isTold) {
          isTold = true;
          this.hooks.info?.(`NATS has no room for results (${reason}): waiting`);
        }
        await pause(SEARCH_MS, this.signal);
        // A stream that is gone does not answer either.
        if (isTransient(error)) {
          await jsm.streams.info(this.stores.names.resultStream).catch((found) => {
            if (isGone(found)) throw found;
          });
        }
      }
    }
  }
}
