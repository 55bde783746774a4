import { NotFiniteError, OutOfMemoryError } from "../errors.ts";
import type { Generated } from "../generation/generate.ts";
import type { JsMsg } from "../packages/nats.ts";
import { respond } from "../runs/kinds/fleet/generator.ts";
import { tellStored } from "./arrivals.ts";
import { type Connection, maxPayload } from "./connection.ts";
import { Outage, patiently } from "./endure.ts";
import { decode, encode, type Result, type Work } from "./messages.ts";
import { reasonOf, willPass } from "./patience.ts";
import { takePolicy } from "./policy_objects.ts";
import type { Presence } from "./presence.ts";
import {
  HEARTBEAT_MS,
  resultSubject,
  type RunStores,
  storedSubject,
  workConsumer,
} from "./topology.ts";
import type { WorkerHooks } from "./worker_hooks.ts";
import type { LoadedSubject } from "./worker_subject.ts";

/** Longest wait for work between looks at the signal, in milliseconds. */
const WAIT_MS = 2000;
/** Time between attempts to store a result, in milliseconds. */
const RETRY_MS = 1000;
/** Maximum length of a response that a worker makes: more does not fit into a message. */
const MAX_NEW_TOKENS = 2 ** 17;

/** A result, before it has the worker's name. */
type MadeResult = Omit<Result, "policy" | "worker">;

/** A run at a server, as a worker has opened it. */
export interface Workplace {
  readonly connection: Connection;
  /** Id of the run. */
  readonly id: string;
  readonly stores: RunStores;
  readonly subject: LoadedSubject;
  readonly presence: Presence;
}

/** Work of one worker for one run. */
export class Shift {
  /** Digest of the policy that is loaded. */
  #policy: string | null = null;
  #batchSize: number;
  readonly #outage: Outage;

  constructor(
    private readonly at: Workplace,
    private readonly options: { readonly name: string; readonly batchSize: number },
    private readonly hooks: WorkerHooks,
    private readonly signal: AbortSignal,
  ) {
    this.#batchSize = options.batchSize;
    const { address } = at.connection;
    this.#outage = new Outage(address, "the worker", (line) => hooks.info?.(line));
  }

  /**
   * Takes this worker's share of the work that waits, and does it. Returns false after a while without
   * any.
   */
  async take(): Promise<boolean> {
    let messages: JsMsg[] = [];
    try {
      messages = await this.#fetch();
      if (messages.length > 0) await this.#workOn(messages);
      this.#outage.over();
      return messages.length > 0;
    } catch (error) {
      // Another worker may do it.
      for (const message of messages) message.nak(HEARTBEAT_MS);
      if (willPass(error)) this.#outage.met(error);
      throw error;
    }
  }

  /** Does work, and tells the server meanwhile that it is in progress. */
  async #workOn(messages: readonly JsMsg[]): Promise<void> {
    const sign = setInterval(() => messages.forEach((message) => message.working()), HEARTBEAT_MS);
    try {
      await this.#work(messages);
    } finally {
      clearInterval(sign);
      this.at.presence.update({ state: "waiting" });
    }
  }

  /** Fetches work: what waits, divided by the workers. */
  async #fetch(): Promise<JsMsg[]> {
    const consumer = await workConsumer(this.at.connection, this.at.stores.names);
    const first = await consumer.next({ expires: WAIT_MS });
    if (first === null) return [];
    const work = decode("work", first.data);
    const { pending } = first.info;
    const share = Math.ceil((pending + 1) / Math.max(1, this.at.presence.workers));
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
      // Delivered again, it would occupy every worker. The trainer asks again for what is missing.
      this.#discard(message, "it cannot be read");
      return [];
    });
    for (const [digest, its] of Map.groupBy(jobs, ({ work }) => work.policy)) {
      this.at.presence.update({ state: "working" });
      if (this.#policy !== digest) {
        this.#policy = null;
        const { parameters } = this.at.subject.generator;
        if (!await takePolicy(this.at.stores.policies, digest, parameters)) {
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
    const { vocabSize } = this.at.subject.generator.model;
    return maxNewTokens <= MAX_NEW_TOKENS && tokens.every((token) => token < vocabSize);
  }

  #discard(message: JsMsg, why: string): void {
    message.term();
    this.hooks.info?.(`work for ${message.subject} is dropped: ${why}`);
  }

  /** Responds to prompts together, or to fewer at a time if memory runs out. */
  async #respond(jobs: readonly { message: JsMsg; work: Work }[]): Promise<void> {
    const started = performance.now();
    const prompts = jobs.map(({ work }) => work);
    const rollouts = prompts.reduce((sum, { responses }) => sum + responses, 0);
    this.hooks.working?.({ step: prompts[0].step, rollouts });
    let responses: Generated[];
    try {
      responses = await respond(this.at.subject.generator, prompts);
    } catch (error) {
      if (error instanceof NotFiniteError) return await this.#fail(jobs, error.message);
      if (!(error instanceof OutOfMemoryError) || jobs.length === 1) throw error;
      this.#batchSize = Math.ceil(this.#batchSize / 2);
      const half = Math.ceil(jobs.length / 2);
      await this.#respond(jobs.slice(0, half));
      return await this.#respond(jobs.slice(half));
    }
    const scores = await this.at.subject.score(prompts, responses);
    const seconds = (performance.now() - started) / 1000;
    let row = 0;
    await Promise.all(jobs.map(async ({ message, work }) => {
      const results = Array.from({ length: work.responses }, (): MadeResult => {
        const { tokens, logprobs, values } = responses[row];
        const share = seconds / responses.length;
        return { tokens, logprobs, values, scores: scores[row++], seconds: share };
      });
      await this.#store(work, results);
      // The server may forget the work only now.
      message.ack();
    }));
    const tokens = responses.reduce((sum, { tokens }) => sum + tokens.length, 0);
    this.at.presence.did(responses.length, tokens, seconds);
    this.hooks.worked?.({ step: prompts[0].step, rollouts: responses.length, tokens, seconds });
  }

  /** Tells the trainer that the policy is broken. */
  async #fail(jobs: readonly { message: JsMsg; work: Work }[], failure: string): Promise<void> {
    for (const { message, work } of jobs) {
      const nothing = { tokens: [], logprobs: null, values: null, scores: {}, seconds: 0 };
      await this.#store(work, [{ ...nothing, failure }]);
      message.ack();
    }
  }

  /** Stores those results of a prompt that no other worker has stored yet, and tells the trainer. */
  async #store({ step, prompt, policy }: Work, results: readonly MadeResult[]): Promise<void> {
    const { connection, id } = this.at;
    const subjects = results.map((_, response) => resultSubject(id, step, prompt, response));
    await Promise.all(results.map(async (result, i) => {
      const message = { ...result, policy, worker: this.options.name };
      await this.#publish(subjects[i], encode("result", message, maxPayload(connection)));
    }));
    tellStored(connection.nats, storedSubject(id, step), subjects);
  }

  async #publish(subject: string, message: Uint8Array): Promise<void> {
    const { connection, stores: { names } } = this.at;
    const patience = {
      ...{ names, pauseMs: RETRY_MS, signal: this.signal, outage: this.#outage },
      check: () => this.signal.throwIfAborted(),
    };
    await patiently(connection, patience, async () => {
      try {
        await connection.js.publish(subject, message);
      } catch (error) {
        if (!/maximum messages per subject/.test(reasonOf(error))) throw error;
      }
    });
  }
}
