import { NotFiniteError, UserError } from "../errors.ts";
import type { FleetPrompt, FleetRequest } from "../runs/kinds/fleet/rollout_fleet.ts";
import { Arrivals } from "./arrivals.ts";
import type { AttachedRun } from "./attached_run.ts";
import { maxPayload } from "./connection.ts";
import { decode, encode, type Result } from "./messages.ts";
import { forgetPolicies } from "./policy_objects.ts";
import { type ResultId, resultIdOf, resultProblem } from "./results.ts";
import {
  CONSUMER,
  refusalSubject,
  resultSubject,
  stepResults,
  storedSubject,
  subjectsIn,
  workSubject,
} from "./topology.ts";
import { workerNames } from "./workers.ts";

/** Longest wait for results between looks at the lease, in milliseconds. */
const POLL_MS = 2000;
/** Time without a new result after which the trainer says so, in milliseconds. */
const SILENCE_MS = 30_000;

/** Prompts of a step that waits for its results. */
interface Pending {
  readonly prompts: readonly FleetPrompt[];
  /** Digest of the policy that is to respond. */
  readonly policy: string;
}

/** Exchange of a run with its workers: the trainer asks for work, and takes the results. */
export class Exchange {
  /** Steps that wait for their results, by number. */
  readonly #pending = new Map<number, Pending>();
  /** Digest of the policy that responds in each step. */
  readonly #versions = new Map<number, string>();
  /** True once the entries of a trainer that was killed are gone. */
  #isSwept = false;

  /** @param command command that starts a worker, for people */
  constructor(private readonly run: AttachedRun, private readonly command: string) {}

  /** Asks for those responses to a step's prompts that are not stored yet. */
  async request(
    { step, prompts }: FleetRequest,
    current: { readonly step: number; readonly policy: string },
  ): Promise<void> {
    const { stores: { entries } } = this.run;
    // The policy that step `made` begins with responds: the current one, unless the run was resumed.
    const made = Math.max(1, step - this.run.settings.staleness);
    const policy = made < current.step ? await this.#earlier(step) : current.policy;
    if (policy === null) {
      throw new UserError(
        `the server has no policy for step ${step} of the run: its rollouts were to come from a ` +
          "policy from before the interruption, which is gone; start a new run",
      );
    }
    await entries.put(`version.${step}`, policy);
    this.#versions.set(step, policy);
    this.#pending.set(step, { prompts, policy });
    const there = await this.#stored(step);
    await Promise.all(prompts.map(async ({ responses }, prompt) => {
      const missing = Array.from({ length: responses }, (_, i) => i)
        .some((i) => !there.has(resultSubject(this.run.id, step, prompt, i)));
      if (missing) await this.#publish(step, prompt);
    }));
  }

  /** Digest of the policy that was to respond in a step of an interrupted run; null if that is gone. */
  async #earlier(step: number): Promise<string | null> {
    const { entries, policies } = this.run.stores;
    const digest = (await entries.get(`version.${step}`))?.string() ?? "";
    if (!/^[0-9a-f]{64}$/.test(digest)) return null;
    const found = await policies.info(digest);
    return found && !found.deleted ? digest : null;
  }

  /** Subjects of the results that are stored. */
  async #stored(step: number): Promise<Set<string>> {
    const { id, stores: { names } } = this.run;
    const { jsm } = this.run.connection;
    return new Set(await subjectsIn(jsm, names.resultStream, stepResults(id, step)));
  }

  /** Asks for the responses to one prompt. Waits while the queue is full. */
  async #publish(step: number, prompt: number): Promise<void> {
    const { prompts, policy } = this.#pending.get(step)!;
    const work = { ...prompts[prompt], step, prompt, policy };
    const message = encode("work", {
      ...work,
      tokens: [...work.tokens],
      columns: { ...work.columns },
    }, maxPayload(this.run.connection));
    const subject = workSubject(this.run.id, step, prompt);
    await this.run.patiently(() => this.run.connection.js.publish(subject, message));
  }

  /** Digest of the policy that responds in a step that has been asked for. */
  policyOf(step: number): string {
    return this.#pending.get(step)!.policy;
  }

  /**
   * Waits for all results of a step.
   *
   * @throws {NotFiniteError} when a worker found that logits are not finite
   */
  async results(step: number, vocabSize: number): Promise<Result[]> {
    const { prompts } = this.#pending.get(step)!;
    const slots = prompts.map(({ responses }) => new Array<Result | null>(responses).fill(null));
    let missing = slots.reduce((sum, { length }) => sum + length, 0);
    let news = performance.now();
    const take = async (subject: string) => {
      const id = resultIdOf(subject);
      if (id?.step !== step || slots[id.prompt]?.[id.response] !== null) return;
      const result = await this.#result(subject, id, vocabSize);
      if (result === null) return;
      if (result.failure !== undefined) throw new NotFiniteError(result.failure);
      slots[id.prompt][id.response] = result;
      missing--;
      news = performance.now();
    };
    using arrivals = new Arrivals(this.run.connection.nats, storedSubject(this.run.id, step));
    let told: readonly string[] = [];
    while (missing > 0) {
      this.run.check();
      try {
        const subjects = told.length > 0 ? told : await this.#stored(step);
        await Promise.all(Array.from(new Set(subjects), take));
        this.run.answered();
        if (missing > 0 && performance.now() - news > SILENCE_MS) {
          this.run.info(await this.#silence(step, missing));
          await this.#askAgain(step, slots);
          news = performance.now();
        }
      } catch (error) {
        await this.run.endure(error);
      }
      if (missing > 0) told = await arrivals.next(POLL_MS);
    }
    this.#pending.delete(step);
    return slots.flat() as Result[];
  }

  /** Reads a result; null if it is gone or refused. */
  async #result(
    subject: string,
    id: ResultId,
    vocabSize: number,
  ): Promise<Result | null> {
    const { resultStream } = this.run.stores.names;
    const message = await this.run.connection.jsm.streams.getMessage(resultStream, {
      last_by_subj: subject,
    });
    if (!message) return null;
    const result = decode("result", message.data);
    const problem = result
      ? resultProblem(result, this.#pending.get(id.step)!, id, vocabSize)
      : "it is not a message of this version of Temper";
    if (problem === null) return result;
    await this.#refuse(id, message.seq, result?.worker ?? null, problem);
    return null;
  }

  /** Removes a result that must not be used, asks for another, and tells the worker. */
  async #refuse(
    id: ResultId,
    seq: number,
    worker: string | null,
    problem: string,
  ): Promise<void> {
    const from = worker ?? "an unknown worker";
    this.run.info(
      `a result of ${from} is refused (step ${id.step}, prompt ${id.prompt}): ${problem}`,
    );
    await this.run.connection.jsm.streams.deleteMessage(this.run.stores.names.resultStream, seq);
    await this.#publish(id.step, id.prompt);
    if (worker !== null && /^[\w-]+$/.test(worker)) {
      this.run.connection.nats.publish(refusalSubject(this.run.id, worker), problem);
    }
  }

  /** Asks again for what is missing, if nobody has that work or will get it. */
  async #askAgain(
    step: number,
    slots: readonly (readonly (Result | null)[])[],
  ): Promise<void> {
    const { workStream } = this.run.stores.names;
    const info = await this.run.connection.jsm.consumers.info(workStream, CONSUMER);
    if (info.num_pending + info.num_ack_pending > 0) return;
    for (const [prompt, responses] of slots.entries()) {
      if (responses.includes(null)) await this.#publish(step, prompt);
    }
  }

  /** Line about a long wait. */
  async #silence(step: number, missing: number): Promise<string> {
    const { connection, stores } = this.run;
    const names = await workerNames(connection, stores.names);
    const wait = `step ${step} waits for ${missing} responses`;
    if (names.length > 0) return `${wait} (workers: ${names.join(", ")})`;
    return `${wait}, and no worker is there: start one with ${this.command}`;
  }

  /**
   * Deletes what no step needs any more, even if the trainer is killed and resumed. Returns the number
   * of results of later steps.
   */
  async forget(step: number): Promise<number> {
    const { id, stores: { names, policies }, settings: { saveEvery } } = this.run;
    const { jsm } = this.run.connection;
    // A run that is killed goes on after its last checkpoint.
    const kept = saveEvery === 0 ? step : Math.floor((step - 1) / saveEvery) * saveEvery;
    try {
      const subjects = await subjectsIn(jsm, names.resultStream, stepResults(id, "*"));
      // A message that is no result, which any worker could store, has no step.
      const stored = subjects.flatMap((subject) => resultIdOf(subject)?.step ?? []);
      for (const old of new Set(stored.filter((other) => other <= kept))) {
        await jsm.streams.purge(names.resultStream, { filter: stepResults(id, old) });
      }
      for (const old of await this.#oldVersions(kept)) {
        this.#versions.delete(old);
        // Deleting it through the bucket would leave a marker.
        const filter = `$KV.${names.bucket}.version.${old}`;
        await jsm.streams.purge(`KV_${names.bucket}`, { filter });
      }
      this.#isSwept = true;
      await forgetPolicies(jsm, names, policies, new Set(this.#versions.values()));
      return stored.filter((other) => other > step).length;
    } catch (error) {
      await this.run.endure(error);
      return 0;
    }
  }

  /**
   * Steps up to the last one kept that have an entry for their policy; the first time also those of an
   * earlier trainer, which this one has not asked for again.
   */
  async #oldVersions(kept: number): Promise<number[]> {
    const own = [...this.#versions.keys()].filter((step) => step <= kept);
    if (this.#isSwept) return own;
    const { bucket } = this.run.stores.names;
    const filter = `$KV.${bucket}.version.*`;
    const stored = (await subjectsIn(this.run.connection.jsm, `KV_${bucket}`, filter))
      .map((subject) => Number(subject.split(".").at(-1)));
    return [...own, ...stored.filter((step) => !this.#versions.has(step))];
  }
}
