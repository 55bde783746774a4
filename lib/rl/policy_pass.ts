import { UserError } from "../errors.ts";
import type { PromptMemory } from "../models/language_model.ts";
import type { Policy } from "../models/policy.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import { Context } from "../tensor/context.ts";
import { Packed } from "../tensor/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ScoredResponse, unpackPositions } from "./rollout.ts";

/** The decoder's positions of a batch of responses, packed, [M] each. */
export interface PositionTensors {
  /** Log-probability of each target token, in nats. */
  logprobs: Tensor;
  /** Entropy of the whole distribution, in nats; not differentiable. */
  entropy: Tensor;
  /** Of the value head, [M, 1]. */
  values: Tensor;
}

/**
 * Runs the policy over responses that are there already (teacher forcing).
 *
 * @param adapter which of the base model's adapters to use; null for none
 * @param prompts the responses' queries, in their order, if the model has read them already
 */
export function forward(
  cx: Context,
  { model, valueHead }: Policy,
  adapter: LoraAdapter | null,
  responses: readonly ScoredResponse[],
  prompts: PromptMemory | null = null,
): PositionTensors {
  const decoderInputs = Packed.create(cx, responses.map((response) => response.decoderInput));
  const targets = Packed.create(cx, responses.map((response) => response.targets)).ids;
  const memory = prompts ??
    model.prefill(cx, responses.map((response) => response.query), adapter, "pass");
  const hidden = model.forward(cx, decoderInputs, memory, adapter);
  return { ...model.logprobs(cx, hidden, targets), values: valueHead.forward(cx, hidden) };
}

/** What a policy says of one response's counted positions. */
export interface Evaluation {
  /** Log-probability of each token, in nats. */
  logprobs: Float32Array;
  /** Value before each token. */
  values: Float32Array;
}

/** What generation reported of a response's tokens, t1 … tn. */
export interface SampledTokens {
  /** Log-probability of each token under the policy itself, in nats. */
  logprobs: ArrayLike<number> | null;
  /** Value before each token. */
  values: ArrayLike<number> | null;
}

/**
 * Logprobs and values of responses as generation reported them: what {@linkcode evaluate} would
 * compute once more, bit for bit.
 *
 * @throws {UserError} when there is not one of each for every token.
 */
export function evaluationsFromSampling(
  responses: readonly ScoredResponse[],
  sampled: readonly SampledTokens[],
): Evaluation[] {
  return responses.map(({ targets, firstCounted }, row) => {
    const { logprobs = null, values = null } = sampled[row] ?? {};
    if (logprobs?.length !== targets.length || values?.length !== targets.length) {
      throw new UserError(
        `response ${row} has ${targets.length} tokens, but ${logprobs?.length ?? "no"} logprobs ` +
          `and ${values?.length ?? "no"} values; generate it with { valueHead, logprobs: true }`,
      );
    }
    return {
      logprobs: Float32Array.from(logprobs).subarray(firstCounted),
      values: Float32Array.from(values).subarray(firstCounted),
    };
  });
}

/** Tokens of a pass without gradients: enough for the kernels, few enough for memory. */
const EVALUATION_TOKENS = 4096;

/**
 * Logprobs and values of responses, without gradients, some at a time so that memory stays bounded.
 * Nothing is waited for before everything is launched.
 */
export async function evaluate(
  policy: Policy,
  adapter: LoraAdapter | null,
  responses: readonly ScoredResponse[],
): Promise<Evaluation[]> {
  const chunks: Promise<Evaluation[]>[] = [];
  let chunk: ScoredResponse[] = [];
  let tokens = 0;
  responses.forEach((response, row) => {
    chunk.push(response);
    tokens += response.query.length + response.decoderInput.length;
    if (tokens < EVALUATION_TOKENS && row + 1 < responses.length) return;
    chunks.push(evaluateChunk(policy, adapter, chunk));
    chunk = [];
    tokens = 0;
  });
  return (await Promise.all(chunks)).flat();
}

async function evaluateChunk(
  policy: Policy,
  adapter: LoraAdapter | null,
  responses: readonly ScoredResponse[],
): Promise<Evaluation[]> {
  const cx = new Context(policy.model.device);
  let reads: Promise<Float32Array>[];
  try {
    const { logprobs, values } = forward(cx, policy, adapter, responses);
    reads = [logprobs.read(), values.read()];
  } finally {
    cx.release();
  }
  const [logprobs, values] = (await Promise.all(reads)).map((packed) =>
    unpackPositions(responses, packed)
  );
  return responses.map((_, i) => ({ logprobs: logprobs[i], values: values[i] }));
}
