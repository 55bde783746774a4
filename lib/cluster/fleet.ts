import { hostname } from "node:os";
import { NotFiniteError, RunInterruptedError, UserError } from "../errors.ts";
import type { Generated } from "../generation/generate.ts";
import { z } from "../packages/zod.ts";
import type { RewardScores } from "../rewards/weighted_rewards.ts";
import type {
  FleetPolicy,
  FleetPrompt,
  FleetRequest,
  FleetRollouts,
  FleetRun,
  RolloutFleet,
} from "../runs/kinds/fleet/rollout_fleet.ts";
import type { NatsAddress } from "./address.ts";
import { Arrivals } from "./arrivals.ts";
import { type Connection, connectNats } from "./connection.ts";
import { endure } from "./endure.ts";
import { fleetId } from "./fleet_id.ts";
import { Lease } from "./lease.ts";
import { decode, encode, PROTOCOL, type Result, type RunEntry } from "./messages.ts";
import { isFull, isTransient, pause, reasonOf } from "./patience.ts";
import {
  forgetPolicies,
  layoutOf,
  type PolicyBytes,
  policyBytes,
  putPolicy,
} from "./policy_objects.ts";
import { type ResultId, resultIdOf, resultProblem } from "./results.ts";
import {
  CONSUMER,
  createRunStores,
  refusalSubject,
  removeRun,
  RESERVED_MIB,
  resultSubject,
  type RunStores,
  stepResults,
  workSubject,
} from "./topology.ts";

/** Longest wait for results between looks at the lease, in milliseconds. */
const POLL_MS = 2000;
/** Time without a new result after which the trainer says so, in milliseconds. */
const SILENCE_MS = 30_000;

const settingsSchema = z.looseObject({
  steps: z.int(),
  staleness: z.int(),
  saveEvery: z.int(),
});

/** A run that this process trains. */
interface Attached extends FleetRun {
  readonly id: string;
  readonly stores: RunStores;
  readonly lease: Lease;
  readonly steps: number;
  readonly staleness: number;
  readonly saveEvery: number;
}

/** Prompts of a step that waits for its results. */
interface Pending {
  readonly prompts: readonly FleetPrompt[];
  /** Digest of the policy that is to respond. */
  readonly policy: string;
}

/** Workers at a NATS server: work, results and versions of the policy travel through JetStream. */
export class NatsFleet implements RolloutFleet {
  #run: Attached | null = null;
  #left = false;
  #isDescribed = false;
  #failure: Error | null = null;
  /** Steps whose results have not been taken. */
  readonly #pending = new Map<number, Pending>();
  /** Digest of the policy that responds in each step. */
  readonly #versions = new Map<number, string>();

  private constructor(private readonly connection: Connection, private readonly command: string) {}

  /**
   * Connects to a server.
   *
   * @param command command that starts a worker, for people
   * @throws {UserError} when that fails
   */
  static async connect(address: NatsAddress, command: string): Promise<NatsFleet> {
    return new NatsFleet(await connectNats(address, "temper trainer"), command);
  }

  async attach(run: FleetRun): Promise<void> {
    const settings = settingsSchema.safeParse(run.config);
    if (!settings.success) {
      throw new UserError(
        `a run of kind ${run.config.kind} draws no rollouts: workers have nothing to do in it`,
      );
    }
    const { steps, staleness, saveEvery } = settings.data;
    const id = await fleetId(run.folder);
    const { stores, lease } = await this.#open(id, steps, run.info);
    this.#run = { ...run, id, stores, lease, steps, staleness, saveEvery };
    run.info(`workers respond, at ${this.connection.address} as run ${id}: ${this.command}`);
  }

  async collect(
    step: number,
    requests: readonly FleetRequest[],
    policy: FleetPolicy,
  ): Promise<FleetRollouts> {
    const run = this.#attached();
    run.lease.step = step;
    const started = performance.now();
    const current = await policyBytes(policy.parameters);
    await this.#patiently(run, async () => {
      if (!this.#isDescribed) await this.#describe(run, policy);
      await putPolicy(run.stores.policies, current);
    });
    for (const request of requests) {
      await this.#patiently(run, () => this.#request(run, step, request, current));
    }
    const synced = performance.now();
    const results = await this.#await(run, step, policy);
    const finished = performance.now();
    const { policy: made } = this.#pending.get(step)!;
    this.#pending.delete(step);
    const ahead = await this.#forget(run, step);
    const [tokens, seconds] = results.reduce(
      ([tokens, seconds], result) => [tokens + result.tokens.length, seconds + result.seconds],
      [0, 0],
    );
    const staleness = made === current.digest ? 0 : Math.min(run.staleness, step - 1);
    return {
      responses: results.map(({ tokens, logprobs, values }): Generated => ({
        tokens,
        logprobs,
        values,
      })),
      scores: scoresOf(results, policy.rewards),
      staleness,
      metrics: {
        staleness,
        weight_sync_time_s: (synced - started) / 1000,
        queue_wait_time_s: (finished - synced) / 1000,
        buffer_qsize: ahead,
        generation_tok_per_s: tokens / Math.max(seconds, 1e-9),
      },
    };
  }

  /** Ends the run with an error, because there is nobody left who could respond. */
  fail(error: Error): void {
    this.#failure = error;
  }

  async leave(finished: boolean): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    try {
      await this.#run?.lease[Symbol.asyncDispose]();
      if (finished && this.#run) await removeRun(this.connection, this.#run.id);
    } catch (error) {
      this.#run?.info(`what the run has on the server stays there: ${reasonOf(error)}`);
    } finally {
      await this.connection[Symbol.asyncDispose]();
    }
  }

  /** Makes what the run needs at the server, and takes its lease. */
  async #open(id: string, steps: number, info: (line: string) => void) {
    const { address } = this.connection;
    try {
      const stores = await createRunStores(this.connection, id);
      const entry = { holder: crypto.randomUUID(), host: hostname(), steps };
      const lease = await Lease.take(
        stores.entries,
        entry,
        ({ host }) =>
          info(
            `another trainer has had the run, on ${host}: waiting whether it gives a sign of life`,
          ),
      );
      return { stores, lease };
    } catch (cause) {
      if (isFull(cause)) {
        throw new UserError(
          `NATS at ${address} has no room for the run, which reserves ${RESERVED_MIB} MiB: ` +
            "raise max_file_store, or remove runs that have ended (temper cluster)",
          { cause },
        );
      }
      if (!isTransient(cause)) throw cause;
      throw new UserError(`NATS at ${address} does not answer: ${reasonOf(cause)}`, { cause });
    }
  }

  #attached(): Attached {
    if (this.#run) return this.#run;
    throw new Error("the fleet was not attached to a run");
  }

  /** Does something at the server, again and again while that is away or full. */
  async #patiently<Value>(run: Attached, action: () => Promise<Value>): Promise<Value> {
    for (let isTold = false;;) {
      this.#check(run);
      try {
        return await action();
      } catch (error) {
        await endure(this.connection, run.stores.names, error);
        if (isFull(error) && !isTold) {
          isTold = true;
          run.info(
            `NATS at ${this.connection.address} has no room (${reasonOf(error)}): the run waits ` +
              "until other runs have ended, or max_file_store is raised",
          );
        }
        await pause(POLL_MS, run.signal);
      }
    }
  }

  /** @throws {UserError} when the run cannot go on: lost, or stopped by its user */
  #check(run: Attached): void {
    run.lease.check();
    if (this.#failure) throw this.#failure;
    if (run.signal?.aborted) throw new RunInterruptedError("stopped while workers responded");
  }

  /** Tells workers what the run is. */
  async #describe(
    { config, fingerprints, stores: { entries } }: Attached,
    { parameters, lora }: FleetPolicy,
  ): Promise<void> {
    const entry: RunEntry = {
      protocol: PROTOCOL,
      config: { ...config },
      lora: { ...lora },
      layout: layoutOf(parameters),
      fingerprints: { ...fingerprints },
    };
    await entries.put("run", encode("run", entry, this.#limit));
    this.#isDescribed = true;
  }

  /** Asks for responses to a step's prompts, those that are not there yet. */
  async #request(
    run: Attached,
    current: number,
    { step, prompts }: FleetRequest,
    { digest }: PolicyBytes,
  ): Promise<void> {
    const { stores: { entries } } = run;
    // The policy after the steps before `made` responds: that of now, but for a run that is resumed.
    const made = Math.max(1, step - run.staleness);
    const policy = made < current ? await this.#earlier(run, step) : digest;
    if (policy === null) {
      throw new UserError(
        `the server has no policy for step ${step} of the run: its rollouts were to come from a ` +
          "policy of before the interruption, which is gone; start the run anew",
      );
    }
    await entries.put(`version.${step}`, policy);
    this.#versions.set(step, policy);
    this.#pending.set(step, { prompts, policy });
    const there = await this.#stored(run, step);
    await Promise.all(prompts.map(async ({ responses }, prompt) => {
      const missing = Array.from({ length: responses }, (_, i) => i)
        .some((i) => !there.has(resultSubject(run.id, step, prompt, i)));
      if (missing) await this.#publish(run, step, prompt);
    }));
  }

  /** Digest of the policy that a step of an interrupted run was to have; null where that is gone. */
  async #earlier({ stores: { entries, policies } }: Attached, step: number) {
    const digest = (await entries.get(`version.${step}`))?.string() ?? "";
    if (!/^[0-9a-f]{64}$/.test(digest)) return null;
    const found = await policies.info(digest);
    return found && !found.deleted ? digest : null;
  }

  /** Subjects of the results that are there. */
  async #stored({ id, stores: { names } }: Attached, step: number): Promise<Set<string>> {
    const { state } = await this.connection.jsm.streams.info(names.resultStream, {
      subjects_filter: stepResults(id, step),
    });
    return new Set(Object.keys(state.subjects ?? {}));
  }

  /** Asks for the responses to one prompt. While the queue is full, it waits. */
  async #publish(run: Attached, step: number, prompt: number): Promise<void> {
    const { prompts, policy } = this.#pending.get(step)!;
    const work = { ...prompts[prompt], step, prompt, policy };
    const message = encode("work", {
      ...work,
      tokens: [...work.tokens],
      columns: { ...work.columns },
    }, this.#limit);
    const subject = workSubject(run.id, step, prompt);
    await this.#patiently(run, () => this.connection.js.publish(subject, message));
  }

  /** Waits for all results of a step. */
  async #await(run: Attached, step: number, policy: FleetPolicy): Promise<Result[]> {
    const { prompts } = this.#pending.get(step)!;
    const slots = prompts.map(({ responses }) => new Array<Result | null>(responses).fill(null));
    let missing = slots.reduce((sum, { length }) => sum + length, 0);
    let news = performance.now();
    const take = async (subject: string) => {
      const id = resultIdOf(subject);
      if (id === null || slots[id.prompt]?.[id.response] !== null) return;
      const result = await this.#result(run, subject, id, policy.vocabSize);
      if (result === null) return;
      if (result.failure !== undefined) throw new NotFiniteError(result.failure);
      slots[id.prompt][id.response] = result;
      missing--;
      news = performance.now();
    };
    using arrivals = new Arrivals(this.connection.nats, stepResults(run.id, step));
    while (missing > 0) {
      this.#check(run);
      try {
        await Promise.all(Array.from(await this.#stored(run, step), take));
        if (missing > 0 && performance.now() - news > SILENCE_MS) {
          news = performance.now();
          run.info(await this.#silence(run, step, missing));
          await this.#askAgain(run, step, slots);
        }
      } catch (error) {
        await endure(this.connection, run.stores.names, error);
      }
      if (missing > 0) await arrivals.next(POLL_MS);
    }
    return slots.flat() as Result[];
  }

  /** Reads a result; null for one that is gone, or that is refused. */
  async #result(
    run: Attached,
    subject: string,
    id: ResultId,
    vocabSize: number,
  ): Promise<Result | null> {
    const { resultStream } = run.stores.names;
    const message = await this.connection.jsm.streams.getMessage(resultStream, {
      last_by_subj: subject,
    });
    if (!message) return null;
    const result = decode("result", message.data);
    const problem = result
      ? resultProblem(result, this.#pending.get(id.step)!, id, vocabSize)
      : "it is no message of this version of Temper";
    if (problem === null) return result;
    await this.#refuse(run, id, message.seq, result?.worker ?? null, problem);
    return null;
  }

  /** Removes a result that must not be used, asks for another, and tells the worker. */
  async #refuse(
    run: Attached,
    id: ResultId,
    seq: number,
    worker: string | null,
    problem: string,
  ): Promise<void> {
    const from = worker ?? "an unknown worker";
    run.info(`a result of ${from} is refused (step ${id.step}, prompt ${id.prompt}): ${problem}`);
    await this.connection.jsm.streams.deleteMessage(run.stores.names.resultStream, seq);
    await this.#publish(run, id.step, id.prompt);
    if (worker !== null && /^[\w-]+$/.test(worker)) {
      this.connection.nats.publish(refusalSubject(run.id, worker), problem);
    }
  }

  /** Asks again for what is missing, if nobody has that work or will get it. */
  async #askAgain(
    run: Attached,
    step: number,
    slots: readonly (readonly (Result | null)[])[],
  ): Promise<void> {
    const { workStream } = run.stores.names;
    const info = await this.connection.jsm.consumers.info(workStream, CONSUMER);
    if (info.num_pending + info.num_ack_pending > 0) return;
    for (const [prompt, responses] of slots.entries()) {
      if (responses.includes(null)) await this.#publish(run, step, prompt);
    }
  }

  /** Line about a wait that takes long. */
  async #silence(
    { stores: { workers } }: Attached,
    step: number,
    missing: number,
  ): Promise<string> {
    const names = await Array.fromAsync(await workers.keys().catch(() => [])).catch(() => []);
    const wait = `step ${step} waits for ${missing} responses`;
    if (names.length > 0) return `${wait} (workers: ${names.join(", ")})`;
    return `${wait}, and no worker is there: start one with ${this.command}`;
  }

  /** Deletes what no step needs any more, also not after the trainer was killed. Returns the number of results that wait. */
  async #forget(run: Attached, step: number): Promise<number> {
    const { id, stores: { names, policies }, saveEvery } = run;
    const { jsm } = this.connection;
    // A run that is killed goes on after its last checkpoint.
    const kept = saveEvery === 0 ? step : Math.floor((step - 1) / saveEvery) * saveEvery;
    try {
      const { state } = await jsm.streams.info(names.resultStream, {
        subjects_filter: `temper.${id}.result.*.*.*`,
      });
      const stored = Object.keys(state.subjects ?? {}).map((subject) => resultIdOf(subject)!.step);
      for (const old of new Set(stored.filter((other) => other <= kept))) {
        await jsm.streams.purge(names.resultStream, { filter: stepResults(id, old) });
      }
      for (const old of [...this.#versions.keys()].filter((other) => other <= kept)) {
        this.#versions.delete(old);
        // Deleted in the bucket, it would leave an entry that says so.
        const filter = `$KV.${names.bucket}.version.${old}`;
        await jsm.streams.purge(`KV_${names.bucket}`, { filter });
      }
      await forgetPolicies(jsm, names, policies, new Set(this.#versions.values()));
      return stored.filter((other) => other > step).length;
    } catch (error) {
      await endure(this.connection, run.stores.names, error);
      return 0;
    }
  }

  get #limit(): number {
    return this.connection.nats.info?.max_payload ?? 2 ** 20;
  }
}

/** Scores that every result has, by the rewards' names. */
function scoresOf(results: readonly Result[], rewards: readonly string[]): RewardScores {
  const scores: RewardScores = {};
  for (const [place, name] of rewards.entries()) {
    const column = results.map(({ scores }) => scores[place]);
    if (column.every((score) => score !== undefined)) scores[name] = column;
  }
  return scores;
}
