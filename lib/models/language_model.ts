import type { Device, SteppedMemory } from "../device/device.ts";
import { UserError } from "../errors.ts";
import type { TaskType } from "../formats/peft.ts";
import type { LinearModule, LoraAdapter } from "../nn/lora.ts";
import type { ValueHead } from "../nn/value_head.ts";
import type { Context } from "../tensor/context.ts";
import type { TokenLogprobs } from "../tensor/ops/lm_head.ts";
import type { Packed } from "../tensor/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * A model that generates text, as everything above `lib/models` sees it: generation, RL, supervised
 * training, evaluation, runs. An encoder-decoder reads the prompt with its encoder, a decoder-only
 * model with the decoder itself; both then continue it token by token, and `forward` over a whole
 * response agrees with its single steps bit for bit.
 */
export interface LanguageModel {
  /** Device that holds the weights. */
  readonly device: Device;
  /** `model_type` of config.json, as "t5". */
  readonly modelType: string;
  /** PEFT's name for the kind of model, as in adapter_config.json. */
  readonly taskType: TaskType;
  /** Number of tokens that the head tells apart. */
  readonly vocabSize: number;
  /** Width of a hidden state. */
  readonly hiddenSize: number;
  /** Maximum number of tokens of a text that the model has positions for; null for any number. */
  readonly maxPositions: number | null;
  /**
   * Number of tokens of the longest texts that the model was made for, beyond which it reads on, but
   * poorly; null where that is not known.
   */
  readonly trainedLength: number | null;
  /** Tokens that end a response. */
  readonly eosTokenIds: readonly number[];
  /** Linear layers that an adapter can update: all but the output head. */
  readonly linearModules: readonly LinearModule[];
  /** Ends of the names of those that a new adapter updates by default: PEFT's for this kind of model. */
  readonly defaultTargets: readonly string[];
  /** Number of weights; tied ones count once. */
  readonly parameterCount: number;

  /** Token that is read first when the prompt is continued: its last, or the decoder's start token. */
  firstInput(prompt: readonly number[]): number;

  /**
   * Reads prompts, which have at least one token each.
   *
   * @param cx owns the memory; with a tape, gradients flow back into the prompts' pass
   * @param use "pass" where one `forward` in this context follows, which lets a model compute what a
   *   layer needs in that layer; "decoding" where steps or several passes follow: then every layer's
   *   keys and values are kept
   */
  prefill(
    cx: Context,
    prompts: readonly (readonly number[])[],
    adapter: LoraAdapter | null,
    use: "pass" | "decoding",
  ): PromptMemory;

  /**
   * Puts prompts that were read for "decoding" into one batch of `count` rows. The parts cover each
   * row once.
   */
  joinPrompts(cx: Context, parts: readonly PromptPart[], count: number): PromptMemory;

  /**
   * Prompts in another order, any number of times each, without copying them: row `i` is prompt
   * `which[i]`. Rows of one prompt share its keys and values; hidden states are those of separate
   * rows, bit for bit, and the prompt's gradient is the sum over its rows.
   */
  selectPrompts(memory: PromptMemory, which: readonly number[]): PromptMemory;

  /**
   * Hidden states after the final norm, [M, hiddenSize], over continuations of the prompts.
   *
   * @param inputs tokens that are read, one sequence for each prompt, beginning with `firstInput`
   * @param adapter the one that the prompts were read with
   */
  forward(
    cx: Context,
    inputs: Packed,
    memory: PromptMemory,
    adapter: LoraAdapter | null,
  ): Tensor;

  /**
   * Starts to continue prompts token by token.
   *
   * @param cx owns the keys and values
   * @param memory prompts read for "decoding"
   * @param capacities maximum number of tokens of each row
   */
  startDecoding(
    cx: Context,
    memory: PromptMemory,
    capacities: readonly number[],
    adapter: LoraAdapter | null,
  ): Decoding;

  /** Next-token logits, [M, vocabSize], of a few hidden states. */
  logits(cx: Context, hidden: Tensor): Tensor;

  /**
   * Log-probability of each target and entropy of the whole distribution, in nats, without ever
   * holding all logits. Differentiable in the log-probabilities.
   *
   * @param targets i32 [M]
   */
  logprobs(cx: Context, hidden: Tensor, targets: Tensor): TokenLogprobs;

  /** Bytes of f32 activations and caches that a batch takes at least. */
  estimateMemory(shape: BatchShape, loraRank: number): ModelMemory;
}

/** Prompts that a model has read. Each model has its own kind; above `lib/models` it is opaque. */
export interface PromptMemory {
  /** Number of tokens of each prompt. */
  readonly lengths: readonly number[];
}

/** Some of a batch's prompts. */
export interface PromptPart {
  /** Rows of the batch. */
  readonly rows: readonly number[];
  /** Prompts of the rows, in their order. */
  readonly memory: PromptMemory;
}

/** Prompts that are being continued token by token, with their keys and values. */
export interface Decoding {
  /**
   * Prepares `steps` steps, which all read one token of each of `rows`, beginning at position `first`
   * of the response: uploads their inputs at once, so that a step uploads nothing.
   *
   * @param cx owns the uploaded inputs
   */
  window(cx: Context, rows: readonly number[], first: number, steps: number): DecodingWindow;
}

/** Prepared steps of decoding. */
export interface DecodingWindow {
  /**
   * Memory of which step `index` uses the part `index` alone. Given where all steps launch the same but
   * for that: then a device may make a step's launches again for the others, without calling `step`.
   */
  readonly stepped?: readonly SteppedMemory[];
  /**
   * Hidden states, [rows, hiddenSize], of the tokens read at step `index`: those that `forward` gives,
   * bit for bit, in fewer launches. Without a tape.
   *
   * @param ids i32 [rows]
   */
  step(cx: Context, index: number, ids: Tensor, values: ValueOutput | null): Tensor;
}

/** Values to be computed beside hidden states. */
export interface ValueOutput {
  /** Head that computes them. */
  readonly head: ValueHead;
  /** f32 [rows], written. */
  readonly into: Tensor;
}

/** Sizes of a batch that a model is to generate for and to train on. */
export interface BatchShape {
  /** Number of tokens of each prompt. */
  readonly promptTokens: readonly number[];
  /** Number of responses to each prompt, which share it. Default 1. */
  readonly responsesPerPrompt?: number;
  /** Maximum number of tokens of a response. */
  readonly newTokens: number;
  /** Responses of one forward and backward pass: those to the longest prompts are assumed. */
  readonly passRows: number;
}

/** Memory that a model takes for a batch, in bytes. */
export interface ModelMemory {
  /** Keys and values while the whole batch is generated. */
  readonly cache: number;
  /** Activations that one pass keeps for its backward pass. */
  readonly activations: number;
}

/** Tokens that come before the first of a response where it is generated: the prompt, or a start token. */
export function decoderPrompt(
  model: Pick<LanguageModel, "taskType" | "firstInput">,
  prompt: readonly number[],
): readonly number[] {
  return model.taskType === "CAUSAL_LM" ? prompt : [model.firstInput(prompt)];
}

/**
 * Checks token ids from outside: on the device, an id beyond the vocabulary reads as zeros.
 *
 * @param what name of the sequence, for the message
 * @throws {UserError} naming the first id that is not in the vocabulary
 */
export function checkTokens(
  { vocabSize }: Pick<LanguageModel, "vocabSize">,
  ids: readonly number[],
  what: string,
): void {
  const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (bad === undefined) return;
  throw new UserError(
    `${what} has the token ${bad}, the model's vocabulary has ${vocabSize}: is the tokenizer another model's?`,
  );
}
