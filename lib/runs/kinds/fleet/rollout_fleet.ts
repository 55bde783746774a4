import type { LoraConfig } from "../../../formats/lora_config.ts";
import type { Generated } from "../../../generation/generate.ts";
import type { Parameters } from "../../../nn/parameters.ts";
import type { RewardScores } from "../../../rewards/weighted_rewards.ts";

/** A prompt of a step, with everything but the policy that decides its responses. */
export interface FleetPrompt {
  /** Prompt as text, for rewards. */
  readonly text: string;
  /** Tokens of the prompt. */
  readonly tokens: readonly number[];
  /** Dataset's row, by column, for rewards. */
  readonly columns: Readonly<Record<string, unknown>>;
  /** Number of the first response's rollout; the others count on from it. */
  readonly firstRollout: number;
  /** Number of responses. */
  readonly responses: number;
  /** Maximum number of tokens of a response. */
  readonly maxNewTokens: number;
}

/** Prompts of a step that have not been asked for before. */
export interface FleetRequest {
  /** Number of the step, from 1. */
  readonly step: number;
  /** Prompts of the step, in its order. */
  readonly prompts: readonly FleetPrompt[];
}

/** Policy that a step begins with. */
export interface FleetPolicy {
  /** Parameters that are trained. */
  readonly parameters: Parameters;
  /** Adapter's settings, without its numbers. */
  readonly lora: LoraConfig;
  /** Number of tokens in the model's vocabulary. */
  readonly vocabSize: number;
  /** Names of the rewards, in the order of the setting `reward`. */
  readonly rewards: readonly string[];
}

/** Scored responses to the prompts of a step. */
export interface FleetRollouts {
  /** Responses, those to a prompt adjacent, in the order of the prompts. */
  readonly responses: readonly Generated[];
  /** Scores of the rewards that the machines of the fleet have computed. */
  readonly scores: RewardScores;
  /** Steps between the policy that responded and the one that is trained; 0 for the same. */
  readonly staleness: number;
  /** Statistics for `metrics.jsonl`. */
  readonly metrics: Record<string, number>;
}

/** Facts about a run that the machines of a fleet need. */
export interface FleetRun {
  /** Run's folder. */
  readonly folder: string;
  /** Settings, resolved. */
  readonly config: { readonly kind: string };
  /** Fingerprints of what was loaded, by the names of `RunTask.sources`. */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** Stops the wait for responses when it aborts. */
  readonly signal?: AbortSignal;
  /** Called with a line for people. */
  info(line: string): void;
}

/** Machines that respond to a run's prompts in the trainer's place. */
export interface RolloutFleet {
  /**
   * Joins the run to the fleet, as its only trainer.
   *
   * @throws {UserError} when another trainer has the run, or the fleet cannot be reached
   */
  attach(run: FleetRun): Promise<void>;
  /**
   * Asks for responses, and waits for those to a step's prompts.
   *
   * @param step number of the step
   * @param requests this step's prompts and those of steps ahead, as far as they are new
   * @param meanwhile called once the fleet is at work: the trainer's own work until responses come
   * @throws {NotFiniteError} when the policy's logits are not finite
   * @throws {RunInterruptedError} when the run's signal aborts meanwhile
   * @throws {UserError} when the fleet is lost, or another trainer has taken the run
   */
  collect(
    step: number,
    requests: readonly FleetRequest[],
    policy: FleetPolicy,
    meanwhile: () => Promise<void>,
  ): Promise<FleetRollouts>;
  /** Leaves the fleet. `finished` removes what the run has there. */
  leave(finished: boolean): Promise<void>;
}
