import type { Repetition } from "../../kernels/sample/sample.ts";
import type { RepeatableStep, SteppedMemory } from "../device/device.ts";
import { recordsSteps } from "../device/steps.ts";
import type { Decoding, DecodingWindow, LanguageModel } from "../models/language_model.ts";
import type { ValueHead } from "../nn/value_head.ts";
import { Context } from "../tensor/context.ts";
import { inSteps } from "../tensor/lists.ts";
import { atTemperature } from "../tensor/ops/elementwise.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type GenerationConfig, rolloutOf } from "./generation_config.ts";
import { nextTokens } from "./next_tokens.ts";

/** Results of some steps, step by step, with one element for each row of a step. */
export interface DrawnTokens {
  /** Tokens; -1 where the logits are not finite. */
  readonly tokens: Int32Array;
  /** Log-probabilities of the tokens, in nats; null when not asked for. */
  readonly logprobs: Float32Array | null;
  /** Values at the positions that the tokens were drawn from; null when not asked for. */
  readonly values: Float32Array | null;
}

/** Results to compute beside the tokens. */
export interface DrawingExtras {
  readonly logprobs: boolean;
  /** Log-probabilities at the temperature, instead of before it. */
  readonly scaledLogprobs: boolean;
  /** Head that computes values; null for none. */
  readonly valueHead: ValueHead | null;
}

/** Rows of the batch that draw together, for some steps. */
export interface WindowRows {
  /** Indices into the batch. */
  readonly rows: readonly number[];
  /** Last token of each row, which the first step reads. */
  readonly last: readonly number[];
  /** Position of the first step in the response. */
  readonly first: number;
  /** Number of steps. */
  readonly steps: number;
}

/** Batch that is being generated: what all its windows have in common. */
export interface DrawingBatch {
  readonly model: LanguageModel;
  readonly decoding: Decoding;
  readonly config: GenerationConfig;
  readonly extras: DrawingExtras;
  /** Set of the model's end tokens; null for none. */
  readonly ends: Tensor | null;
  /** Set of each row's tokens so far; null without a penalty. */
  readonly seen: Tensor | null;
}

/**
 * Steps of decoding that one set of rows takes. Everything that they read is on the device before
 * the first, and every token goes from one step to the next there. All steps make the same launches:
 * where the device can, the first one's are made again for the others.
 */
export class DrawingWindow {
  readonly #cx: Context;
  readonly #window: DecodingWindow;
  /** Memory of which each step uses a part of its own; null where steps launch different things. */
  readonly #stepped: readonly SteppedMemory[] | null;
  /** i32 [steps, rows] */
  readonly #positions: Tensor;
  /** i32 [rows] */
  readonly #rollouts: Tensor;
  /** Penalty on tokens that came before; null for none. */
  readonly #repetition: Repetition | null;
  /** i32 [1 + steps, rows]: the tokens that the first step reads, then those that each step draws. */
  readonly #tokens: Tensor;
  /** Further results, [steps, rows] each. */
  readonly #logprobs: Tensor | null;
  readonly #values: Tensor | null;
  /** A step that was recorded. */
  #recorded: RepeatableStep | null = null;

  /** Uploads everything that the steps read. */
  constructor(
    private readonly batch: DrawingBatch,
    { rows, last, first, steps }: WindowRows,
  ) {
    const { model, decoding, config, extras, seen } = batch;
    const count = rows.length;
    const cx = new Context(model.device);
    this.#cx = cx;
    try {
      this.#window = decoding.window(cx, rows, first, steps);
      const positions = { length: steps * count };
      this.#positions = cx.from(
        Int32Array.from(positions, (_, i) => first + Math.floor(i / count)),
        [steps, count],
      );
      const { repetitionPenalty: penalty = 1 } = config;
      this.#rollouts = cx.from(Int32Array.from(rows, (row) => rolloutOf(config, row)));
      this.#repetition = seen && { penalty, seen, rows: cx.from(Int32Array.from(rows)) };
      this.#tokens = cx.empty([1 + steps, count], "i32");
      this.#tokens.slice(0, 1).write(Int32Array.from(last));
      this.#logprobs = extras.logprobs ? cx.empty([steps, count]) : null;
      this.#values = extras.valueHead ? cx.empty([steps, count]) : null;
      const { stepped } = this.#window;
      const results = [this.#logprobs, this.#values].filter((result) => result !== null);
      this.#stepped = stepped
        ? [
          ...stepped,
          inSteps(this.#tokens, 1 + steps),
          ...[this.#positions, ...results].map((list) => inSteps(list, steps)),
        ]
        : null;
    } catch (error) {
      cx.release();
      throw error;
    }
  }

  /** Draws the token of each row at a step; those of the steps before it are drawn. */
  draw(step: number): void {
    const { device } = this.batch.model;
    if (this.#recorded) this.#recorded.repeat(step);
    else if (this.#stepped && recordsSteps(device)) {
      this.#recorded = device.record(step, this.#stepped, () => this.#launch(step));
    } else this.#launch(step);
  }

  #launch(step: number): void {
    const { model, config, extras: { valueHead, scaledLogprobs }, ends } = this.batch;
    const { seed = 0, topK = 0, topP = 1, minP = 0, doSample } = config;
    const { minLength = 0, minNewTokens = 0 } = config;
    // The division is that of a training pass, so that the log-probabilities agree bit for bit.
    const { temperature: divisor = 1 } = config;
    const [before, temperature] = scaledLogprobs ? [divisor, 1] : [1, divisor];
    const cx = new Context(model.device);
    try {
      const ids = this.#tokens.slice(step, 1);
      const values = valueHead && { head: valueHead, into: this.#values!.slice(step, 1) };
      const hidden = this.#window.step(cx, step, ids, values);
      const input = {
        logits: model.logits(cx, atTemperature(cx, hidden, before)),
        rows: this.#tokens.width,
        vocabulary: model.vocabSize,
        positions: this.#positions.slice(step, 1),
        ends,
        // transformers counts the start token as part of the length.
        minLength: Math.max(minLength - 1, minNewTokens),
        repetition: this.#repetition,
      };
      const drawing = { rollouts: this.#rollouts, seed, temperature, topK, topP, minP };
      const logprobs = this.#logprobs?.slice(step, 1) ?? null;
      nextTokens(cx, input, doSample ? drawing : null, this.#tokens.slice(step + 1, 1), logprobs);
    } finally {
      cx.release();
    }
  }

  /** Waits for the results of `count` steps from `step` on. */
  async read(step: number, count: number): Promise<DrawnTokens> {
    const [tokens, logprobs, values] = await Promise.all([
      this.#tokens.slice(step + 1, count).readInts(),
      this.#logprobs?.slice(step, count).read() ?? null,
      this.#values?.slice(step, count).read() ?? null,
    ]);
    return { tokens, logprobs, values };
  }

  /** Frees the memory. */
  release(): void {
    this.#recorded?.release();
    this.#cx.release();
  }
}
