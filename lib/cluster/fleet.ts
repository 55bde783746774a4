import type { Generated } from "../generation/generate.ts";
import type { RewardScores } from "../rewards/weighted_rewards.ts";
import type {
  FleetPolicy,
  FleetRequest,
  FleetRollouts,
  FleetRun,
  RolloutFleet,
} from "../runs/kinds/fleet/rollout_fleet.ts";
import type { NatsAddress } from "./address.ts";
import { AttachedRun } from "./attached_run.ts";
import { type Connection, connectNats, maxPayload } from "./connection.ts";
import { Exchange } from "./exchange.ts";
import { FleetWatch, type StepState } from "./fleet_watch.ts";
import { encode, PROTOCOL, type Result, type RunEntry } from "./messages.ts";
import { reasonOf } from "./patience.ts";
import { layoutOf, policyBytes, putPolicy } from "./policy_objects.ts";
import { removeRun } from "./topology.ts";

/** A run that the fleet has joined. */
interface Attachment {
  readonly run: AttachedRun;
  readonly exchange: Exchange;
  readonly watch: FleetWatch;
}

/** Workers at a NATS server: work, results and versions of the policy travel through JetStream. */
export class NatsFleet implements RolloutFleet {
  #attachment: Attachment | null = null;
  #failure: Error | null = null;
  #left = false;
  #isDescribed = false;
  #state: StepState = { step: 0, policy: "", staleness: 0, ready: 0 };

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
    const attached = await AttachedRun.open(this.connection, run, () => {
      if (this.#failure) throw this.#failure;
    });
    this.#attachment = {
      run: attached,
      exchange: new Exchange(attached, this.command),
      watch: new FleetWatch(attached, () => this.#state),
    };
    run.info(
      `workers respond, at ${this.connection.address} as run ${attached.id}: ${this.command}`,
    );
  }

  async collect(
    step: number,
    requests: readonly FleetRequest[],
    policy: FleetPolicy,
    meanwhile: () => Promise<void>,
  ): Promise<FleetRollouts> {
    if (!this.#attachment) throw new Error("the fleet was not attached to a run");
    const { run, exchange } = this.#attachment;
    run.lease.step = step;
    const started = performance.now();
    const current = await policyBytes(policy.parameters);
    await run.patiently(async () => {
      if (!this.#isDescribed) await this.#describe(run, policy);
      await putPolicy(run.stores.policies, current);
    });
    for (const request of requests) {
      await run.patiently(() => exchange.request(request, { step, policy: current.digest }));
    }
    const synced = performance.now();
    const responding = exchange.policyOf(step);
    const staleness = responding === current.digest
      ? 0
      : Math.min(run.settings.staleness, step - 1);
    this.#state = { step, policy: responding.slice(0, 12), staleness, ready: this.#state.ready };
    const own = meanwhile().then(() => performance.now());
    // If both fail, the results' error is the one to tell.
    own.catch(() => {});
    const results = await exchange.results(step, policy.vocabSize);
    const idleSince = await own;
    const finished = performance.now();
    const ahead = await exchange.forget(step);
    this.#state = { ...this.#state, ready: ahead };
    const [tokens, seconds] = results.reduce(
      ([tokens, seconds], result) => [tokens + result.tokens.length, seconds + result.seconds],
      [0, 0],
    );
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
        queue_wait_time_s: (finished - idleSince) / 1000,
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
    const run = this.#attachment?.run;
    await this.#attachment?.watch[Symbol.asyncDispose]();
    try {
      await run?.lease[Symbol.asyncDispose]();
      if (finished && run) await removeRun(this.connection, run.id);
    } catch (error) {
      run?.info(`what the run has on the server stays there: ${reasonOf(error)}`);
    } finally {
      await this.connection[Symbol.asyncDispose]();
    }
  }

  /** Tells workers what the run is. */
  async #describe(
    { config, fingerprints, stores: { entries } }: AttachedRun,
    { parameters, lora }: FleetPolicy,
  ): Promise<void> {
    const entry: RunEntry = {
      protocol: PROTOCOL,
      config: { ...config },
      lora: { ...lora },
      layout: layoutOf(parameters),
      fingerprints: { ...fingerprints },
    };
    await entries.put("run", encode("run", entry, maxPayload(this.connection)));
    this.#isDescribed = true;
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
