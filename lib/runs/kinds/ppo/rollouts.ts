import type { Example } from "../../../data/dataset.ts";
import type { Tokenizer } from "../../../data/tokenizer.ts";
import { Random } from "../../../random.ts";
import type { RewardSample } from "../../../rewards/reward.ts";
import type { WeightedRewards } from "../../../rewards/weighted_rewards.ts";
import { LengthSampler } from "../../../rl/length_sampler.ts";
import type { PPOTrainer } from "../../../rl/ppo_trainer.ts";
import { Rollouts } from "../../../rl/rollouts.ts";
import { samplingOf, type TrainConfig } from "../../settings/config.ts";
import type { FleetPrompt, FleetRequest, RolloutFleet } from "../fleet/rollout_fleet.ts";

/** A row of `samples.jsonl`, less what PPO adds. */
export interface ScoredSample extends Omit<RewardSample, "columns"> {
  /** Weighted sum of the rewards, which the policy is trained on. */
  reward: number;
  /** Each reward's own score, by its name. */
  rewards: Record<string, number>;
  /** Tokens of the response. */
  length: number;
}

/** Responses that a PPO step learns from. */
export interface RolloutBatch {
  /** Tokens of the prompts. */
  queries: number[][];
  /** Tokens of the responses, as `PPOTrainer.step` takes them. */
  responses: number[][];
  /** Weighted sum of each response's rewards. */
  scores: number[];
  /** Responses as they were generated, which spare the trainer what generation has computed. */
  rollouts: Rollouts;
  /** The same as text. */
  samples: ScoredSample[];
  /** Seconds of each part. */
  times: { "time/generate": number; "time/score": number };
  /** Statistics of the machines that responded. */
  fleetMetrics: Record<string, number>;
}

/** Prompts of a step as a fleet responds to them, each up to a length drawn for it. */
export function fleetPrompts(
  prompts: readonly Example[],
  step: number,
  config: TrainConfig,
): FleetPrompt[] {
  const lengths = rolloutLengths(prompts.length, step - 1, config);
  return prompts.map(({ query, inputIds, columns }, index) => ({
    text: query,
    tokens: inputIds,
    columns,
    firstRollout: (step - 1) * prompts.length + index,
    responses: 1,
    maxNewTokens: lengths[index],
  }));
}

/** Fleet that responds in the trainer's place, and the prompts to ask it for. */
export interface FleetWork {
  readonly fleet: RolloutFleet;
  readonly requests: readonly FleetRequest[];
}

/**
 * Lets the trainer's policy respond to a batch of prompts, each up to a length drawn for it, and
 * scores the responses.
 *
 * @param step PPO steps done before: with the seed it decides all that is random here
 * @param work fleet that responds; null where the trainer does
 * @throws {UserError} when a reward misbehaves
 */
export async function collectRollouts(
  trainer: PPOTrainer,
  tokenizer: Tokenizer,
  rewards: WeightedRewards,
  prompts: readonly Example[],
  step: number,
  config: TrainConfig,
  work: FleetWork | null = null,
): Promise<RolloutBatch> {
  const started = performance.now();
  const maxNewTokens = rolloutLengths(prompts.length, step, config);
  const queries = prompts.map(({ inputIds }) => inputIds);
  const sampling = { ...samplingOf(config), maxNewTokens, firstRollout: step * prompts.length };
  const { policy } = trainer;
  const collected = work && await work.fleet.collect(
    step + 1,
    work.requests,
    {
      parameters: policy.parameters,
      lora: policy.adapter.config,
      vocabSize: policy.model.vocabSize,
      rewards: rewards.rewards.map(({ name }) => name),
    },
    () => trainer.readAhead(queries),
  );
  const rollouts = collected
    ? Rollouts.label(
      collected.responses,
      collected.staleness === 0 ? policy.parameters.revision : undefined,
      null,
    )
    : await trainer.generate(queries, sampling, { tokenizer });
  const finished = performance.now();
  const texts = prompts.map(({ query }, index) => ({
    query,
    response: tokenizer.decode(rollouts[index].tokens, { skipSpecialTokens: true }),
  }));
  const { totals, parts } = await rewards.score(
    texts.map((text, index) => ({ ...text, columns: prompts[index].columns })),
    collected?.scores,
  );
  const { model } = policy;
  return {
    queries,
    // The original stack's responses start with the start token, and are cut from the front.
    responses: rollouts.map(({ tokens }, index) =>
      config.compat === "none"
        ? tokens
        : [model.firstInput(queries[index]), ...tokens].slice(-maxNewTokens[index])
    ),
    scores: totals,
    rollouts,
    samples: texts.map((text, index) => ({
      ...text,
      reward: totals[index],
      rewards: Object.fromEntries(
        Object.entries(parts).map(([name, scores]) => [name, scores[index]]),
      ),
      length: rollouts[index].tokens.length,
    })),
    times: {
      "time/generate": (finished - started) / 1000,
      "time/score": (performance.now() - finished) / 1000,
    },
    fleetMetrics: collected?.metrics ?? {},
  };
}

/** Draws the maximum length of each rollout; each step has a random stream of its own, so that a run can be resumed. */
function rolloutLengths(count: number, step: number, config: TrainConfig): number[] {
  const { maxNewTokens, outputMinLength, outputMaxLength, seed } = config;
  if (maxNewTokens !== null) return new Array(count).fill(maxNewTokens);
  const random = new Random(seed ^ Math.imul(step + 1, 0x9e3779b1));
  const sampler = new LengthSampler(outputMinLength, outputMaxLength, random);
  return Array.from({ length: count }, () => sampler.sample());
}
