import { PPO_LOSS_STATISTICS, ppoLoss } from "../../kernels/ppo_loss/ppo_loss.ts";
import type { Device } from "../device/device.ts";
import type { Policy } from "../models/policy.ts";
import type { Adam } from "../nn/optimizer.ts";
import type { Random } from "../random.ts";
import { Context } from "../tensor/context.ts";
import { whiten } from "./advantages.ts";
import type { EncoderPass } from "./encoder_pass.ts";
import { mean, variance } from "./moments.ts";
import { forward } from "./policy_pass.ts";
import type { PPOConfig } from "./ppo_config.ts";
import { packPositions, type Rollout, unpackPositions } from "./rollout.ts";
import type { MinibatchStatistics } from "./statistics.ts";

/** How one optimizer step is taken. */
export interface UpdateOptions {
  /** The trainer's settings. */
  config: PPOConfig;
  /** Of this step. */
  learningRate: number;
  /** Draws the seeds of dropout masks; null for no dropout. */
  random: Random | null;
  /** The encoder's half of the first minibatch's pass, if generation has left it. */
  encoderPass?: EncoderPass | null;
}

/** What one optimizer step did. */
export interface PolicyUpdate {
  /** Over the counted positions of all its rollouts. */
  statistics: MinibatchStatistics;
  /** Global norm of the gradient before clipping. Where it is not finite, nothing was updated. */
  gradNorm: number;
  /** Whitened advantages of the counted positions, rollout by rollout. */
  advantages: Float64Array;
  /** `exp(logprob - oldLogprob)` of the same positions. */
  ratio: number[];
}

/**
 * Launches one optimizer step on `rollouts`, `miniBatchSize` of them at a time. Every mean, and the
 * whitening, is over the counted positions of all of them, so how they are divided into minibatches
 * changes nothing but rounding. The promise waits for the statistics: the next step can be launched
 * before it settles.
 */
export function updatePolicy(
  policy: Policy,
  optimizer: Adam,
  rollouts: readonly Rollout[],
  { config, learningRate, random, encoderPass = null }: UpdateOptions,
): Promise<PolicyUpdate> {
  const advantages = whiten(rollouts.flatMap((rollout) => [...rollout.advantages]));
  const passes: MinibatchPass[] = [];
  policy.parameters.zeroGrad();
  let position = 0;
  for (let row = 0; row < rollouts.length; row += config.miniBatchSize) {
    const minibatch = rollouts.slice(row, row + config.miniBatchSize);
    const start = position;
    const whitened = minibatch.map(({ logprobs }) =>
      advantages.subarray(position, position += logprobs.length)
    );
    const weight = (position - start) / advantages.length;
    const dropoutSeed = random?.uint32() ?? null;
    const isEncoded = row === 0 && encoderPass?.isOf(minibatch.map(({ query }) => query));
    passes.push(accumulateGradient(policy, minibatch, whitened, {
      config,
      weight,
      dropoutSeed,
      encoderPass: isEncoded ? encoderPass : null,
    }));
  }
  optimizer.step(learningRate, config.maxGradNorm);
  return describeUpdate(rollouts, advantages, passes, optimizer.gradNorm.read());
}

/** A context for a minibatch's forward and backward pass. */
export function trainingContext(
  device: Device,
  { activationMemory }: PPOConfig,
  dropoutSeed: number | null,
): Context {
  return new Context(device, {
    grad: true,
    dropoutSeed,
    activationMemory: activationMemory === null ? undefined : activationMemory * 2 ** 20,
  });
}

/** One minibatch's part of an update. */
interface MinibatchPass {
  rollouts: readonly Rollout[];
  /** Its share of the update's counted positions. */
  weight: number;
  /** In the order of PPO_LOSS_STATISTICS. */
  statistics: Promise<Float32Array>;
  /** Packed, [M]. */
  logprobs: Promise<Float32Array>;
}

/** Forward and backward of one minibatch: adds its share to the parameters' gradients. */
function accumulateGradient(
  policy: Policy,
  rollouts: readonly Rollout[],
  advantages: readonly Float64Array[],
  { config, weight, dropoutSeed, encoderPass }: {
    config: PPOConfig;
    weight: number;
    dropoutSeed: number | null;
    encoderPass: EncoderPass | null;
  },
): MinibatchPass {
  const { device } = policy.model;
  const cx = encoderPass?.cx ?? trainingContext(device, config, dropoutSeed);
  const upload = (counted: ArrayLike<number>[]) => cx.from(packPositions(rollouts, counted));
  try {
    const prompts = encoderPass?.memory;
    const { logprobs, entropy, values } = forward(cx, policy, policy.adapter, rollouts, prompts);
    const statistics = cx.empty([PPO_LOSS_STATISTICS.length]);
    const dLogprobs = cx.empty(logprobs.shape);
    const dValues = cx.empty(values.shape);
    ppoLoss(
      device,
      {
        logprobs,
        values,
        entropy,
        oldLogprobs: upload(rollouts.map((rollout) => rollout.logprobs)),
        oldValues: upload(rollouts.map((rollout) => rollout.values)),
        advantages: upload([...advantages]),
        returns: upload(rollouts.map((rollout) => rollout.returns)),
        mask: upload(rollouts.map((rollout) => rollout.logprobs.map(() => 1))),
        tokens: logprobs.length,
      },
      {
        clipRange: config.cliprange,
        clipRangeValue: config.cliprangeValue,
        vfCoef: config.vfCoef,
        gradScale: weight,
      },
      { statistics, dLogprobs, dValues },
    );
    // Before the backward pass, which frees activations as it goes.
    const pass = { rollouts, weight, statistics: statistics.read(), logprobs: logprobs.read() };
    cx.backward([
      { output: logprobs, gradient: dLogprobs },
      { output: values, gradient: dValues },
    ]);
    return pass;
  } finally {
    cx.release();
  }
}

async function describeUpdate(
  rollouts: readonly Rollout[],
  advantages: Float64Array,
  passes: readonly MinibatchPass[],
  gradNormRead: Promise<Float32Array>,
): Promise<PolicyUpdate> {
  const [statistics, logprobs, [gradNorm]] = await Promise.all([
    Promise.all(passes.map((pass) => pass.statistics)),
    Promise.all(passes.map((pass) => pass.logprobs)),
    gradNormRead,
  ]);
  const ratio = passes.flatMap((pass, p) =>
    unpackPositions(pass.rollouts, logprobs[p]).flatMap((counted, b) =>
      Array.from(counted, (logprob, i) => Math.exp(logprob - pass.rollouts[b].logprobs[i]))
    )
  );
  const lossStatistics = PPO_LOSS_STATISTICS.map((name, s) => [
    name,
    passes.reduce((sum, pass, p) => sum + pass.weight * statistics[p][s], 0),
  ]);
  const returns = rollouts.flatMap((rollout) => [...rollout.returns]);
  const oldValues = rollouts.flatMap((rollout) => [...rollout.values]);
  return {
    statistics: {
      ...Object.fromEntries(lossStatistics),
      "ppo/policy/advantages_mean": mean(advantages),
      "ppo/returns/mean": mean(returns),
      "ppo/returns/var": variance(returns),
      "ppo/val/mean": mean(oldValues),
      "ppo/val/var": variance(oldValues),
    },
    gradNorm,
    advantages,
    ratio,
  };
}
