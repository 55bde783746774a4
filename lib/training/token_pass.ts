import type { Device } from "../device/device.ts";
import type { PromptMemory } from "../models/language_model.ts";
import { readPrompts } from "../models/shared_prompts.ts";
import { Context } from "../tensor/context.ts";
import { atTemperature } from "../tensor/ops/elementwise.ts";
import { uploadLists } from "../tensor/lists.ts";
import { Packed } from "../tensor/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PromptPass } from "./prompt_pass.ts";
import type { ReadPrompts } from "./read_prompts.ts";
import type { Share, TokenLoss } from "./token_loss.ts";
import type { TokenModel } from "./token_model.ts";
import { packedMask, packPositions, passes, type TokenRow, unpackPositions } from "./token_rows.ts";

/** Predictions at a pass's positions, packed, f32 [M] each. */
export interface TokenPredictions {
  /** Log-probability of each target, in nats; differentiable. */
  readonly logprobs: Tensor;
  /** Entropy of the whole distribution, in nats; not differentiable. */
  readonly entropy: Tensor;
  /** Values, [M, 1]; null without a value head. */
  readonly values: Tensor | null;
  /** Computes the mean of each position's logits over the vocabulary; to be called before a backward pass. */
  meanLogits(): Tensor;
}

/**
 * Runs a model over continuations that are there already (teacher forcing).
 *
 * @param prompts the rows' prompts, in their order, if they have been read already
 */
export function tokenPass(
  cx: Context,
  { model, adapter, valueHead = null, temperature = 1 }: TokenModel,
  rows: readonly TokenRow[],
  prompts: PromptMemory | null = null,
): TokenPredictions {
  const inputs = Packed.create(cx, rows.map((row) => row.inputs));
  const targets = cx.from(Int32Array.from(rows.flatMap((row) => row.targets)));
  const memory = prompts ?? readPrompts(cx, model, rows.map((row) => row.query), adapter, "pass");
  const hidden = model.forward(cx, inputs, memory, adapter);
  const predictions = model.logprobs(cx, atTemperature(cx, hidden, temperature), targets);
  return { ...predictions, values: valueHead && valueHead.forward(cx, hidden) };
}

/** Predictions at one row's counted positions, on the host. */
export interface RowPredictions {
  /** Log-probability of each token, in nats. */
  readonly logprobs: Float32Array;
  /** Value before each token; null without a value head. */
  readonly values: Float32Array | null;
  /** Mean of the logits over the vocabulary, where it was asked for. */
  readonly meanLogits?: Float32Array;
}

/**
 * Predictions of rows without gradients, some rows at a time so that memory stays bounded. Nothing is
 * waited for before everything is launched.
 *
 * @param options `meanLogits` asks for these; `prompts` are those that the same model has read ahead
 */
export async function predict(
  subject: TokenModel,
  rows: readonly TokenRow[],
  options: { meanLogits?: boolean; prompts?: ReadPrompts | null } = {},
): Promise<RowPredictions[]> {
  const predictions = Array.from(passes(rows), async (rows): Promise<RowPredictions[]> => {
    const cx = new Context(subject.model.device);
    let reads: Promise<Float32Array | null>[];
    try {
      const memory = options.prompts?.of(rows.map(({ query }) => query)) ?? null;
      const { logprobs, values, meanLogits } = tokenPass(cx, subject, rows, memory);
      const logits = options.meanLogits ? meanLogits() : null;
      reads = [logprobs, values, logits].map((tensor) => tensor?.read() ?? Promise.resolve(null));
    } finally {
      cx.release();
    }
    const [logprobs, values, meanLogits] = (await Promise.all(reads))
      .map((packed) => packed && unpackPositions(rows, packed));
    return rows.map((_, i) => ({
      logprobs: logprobs![i],
      values: values && values[i],
      ...(meanLogits && { meanLogits: meanLogits[i] }),
    }));
  });
  return (await Promise.all(predictions)).flat();
}

/** Options of a pass with gradients. */
export interface TrainingPassOptions {
  /** MiB of activations kept for the backward pass; null for no limit. */
  readonly activationMemory?: number | null;
  /** Seed of the dropout masks; null for no dropout. */
  readonly dropoutSeed?: number | null;
  /** The rows' prompts, if they have been read with a tape already; its memory is released. */
  readonly promptPass?: PromptPass | null;
}

/** A context for a forward and a backward pass. */
export function trainingContext(
  device: Device,
  { activationMemory = null, dropoutSeed = null }: TrainingPassOptions,
): Context {
  return new Context(device, {
    grad: true,
    dropoutSeed,
    activationMemory: activationMemory === null ? undefined : activationMemory * 2 ** 20,
  });
}

/** Results of a pass with gradients, which arrive while the next one is launched. */
export interface TrainingPass {
  /** The loss's statistics over the pass's counted positions, in its order. */
  readonly statistics: Promise<Float32Array>;
  /** Log-probabilities of the targets before the update: the counted positions of each row. */
  readonly logprobs: Promise<Float32Array[]>;
}

/**
 * Forward and backward pass of some rows: adds their share of a loss's gradient to that of the
 * trainable parameters.
 *
 * @param inputs what the loss needs: for each row an array over its counted positions
 */
export function forwardBackward<Need extends string>(
  subject: TokenModel,
  rows: readonly TokenRow[],
  loss: TokenLoss<Need>,
  inputs: Readonly<Record<Need, readonly ArrayLike<number>[]>>,
  share: Share,
  options: TrainingPassOptions = {},
): TrainingPass {
  const { device } = subject.model;
  const { promptPass = null } = options;
  const cx = promptPass?.cx ?? trainingContext(device, options);
  try {
    const { logprobs, entropy, values } = tokenPass(cx, subject, rows, promptPass?.prompts);
    const statistics = loss.statistics.length > 0 ? cx.empty([loss.statistics.length]) : null;
    const dLogprobs = cx.empty(logprobs.shape);
    const dValues = values && cx.empty(values.shape);
    const [mask, ...needed] = uploadLists(cx, [
      packedMask(rows),
      ...loss.needs.map((name) => packPositions(rows, inputs[name])),
    ]);
    loss.launch(device, {
      tokens: logprobs.length,
      mask,
      logprobs,
      entropy,
      values,
      inputs: Object.fromEntries(loss.needs.map((name, i) => [name, needed[i]])) as Record<
        Need,
        Tensor
      >,
      share,
      statistics,
      dLogprobs,
      dValues,
    });
    // Before the backward pass, which frees activations as it goes.
    const pass = {
      statistics: statistics?.read() ?? Promise.resolve(new Float32Array(0)),
      logprobs: logprobs.read().then((packed) => unpackPositions(rows, packed)),
    };
    const outputs = [{ output: logprobs, gradient: dLogprobs }];
    if (values && dValues) outputs.push({ output: values, gradient: dValues });
    cx.backward(outputs);
    return pass;
  } finally {
    cx.release();
  }
}
