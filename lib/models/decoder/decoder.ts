import type { Device } from "../../device/device.ts";
import { UserError } from "../../errors.ts";
import type { TaskType } from "../../formats/peft.ts";
import { KeyValueCache } from "../../nn/key_value_cache.ts";
import type { LinearModule, LoraAdapter } from "../../nn/lora.ts";
import type { Context } from "../../tensor/context.ts";
import { inSteps } from "../../tensor/lists.ts";
import { attention, type Prefix, type Rows } from "../../tensor/ops/attention.ts";
import { applyDropout } from "../../tensor/ops/dropout.ts";
import { add, scale } from "../../tensor/ops/elementwise.ts";
import { embedding, embeddingSum } from "../../tensor/ops/embedding.ts";
import { linear } from "../../tensor/ops/linear.ts";
import { lmHead, type TokenLogprobs } from "../../tensor/ops/lm_head.ts";
import { applyNorm, type RmsNorm } from "../../tensor/ops/norm.ts";
import { type CacheSlots, projectActivated } from "../../tensor/ops/projections.ts";
import { rmsNorm } from "../../tensor/ops/rms_norm.ts";
import type { Rotary } from "../../tensor/ops/rotary.ts";
import { Packed } from "../../tensor/packed.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type {
  BatchShape,
  Decoding,
  LanguageModel,
  ModelMemory,
  PromptMemory,
  PromptPart,
} from "../language_model.ts";
import type { WeightStore } from "../weight_store.ts";
import type { DecoderConfig } from "./config.ts";
import { keptKeys, layerHeads, layerKeys, seenKeys } from "./heads.ts";
import { estimateDecoderMemory } from "./memory.ts";
import { keepRows, type KeptKeys, keptRows, type LayerPrompts, ReadPrompts } from "./prompts.ts";
import { RotaryTables } from "./rotary_tables.ts";
import { adapted, type DecoderLayer, DecoderWeights, type Linear } from "./weights.ts";

/** Tokens that a pass reads, and what they see. */
interface Reading {
  /** i32 [M] */
  readonly ids: Tensor;
  /** i32 [M], place of each token in its text. */
  readonly positions: Tensor;
  /** Number of positions up to the last one. */
  readonly maxPosition: number;
  readonly queries: Rows;
  readonly adapter: LoraAdapter | null;
  /** Keys that layer `index` sees. */
  layer(index: number): SeenKeys;
}

/** Keys that a layer sees. */
interface SeenKeys {
  /** Rows of the keys and values of the pass, or of the cache. */
  readonly own: Rows;
  /** Cache slots for the tokens' keys and values; null in a pass. */
  readonly slots: CacheSlots | null;
  /** Keys and values of the prompts. */
  readonly prefix: Prefix | null;
}

/**
 * Decoder-only models: Llama, Mistral, Qwen2, Qwen3, Gemma 3 and GPT-2, named and computed as in
 * transformers. A prompt is read but for its last token, which is the first input of what continues
 * it.
 */
export class DecoderForCausalLM implements LanguageModel {
  readonly modelType: string;
  readonly taskType: TaskType = "CAUSAL_LM";
  readonly defaultTargets: readonly string[];
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly maxPositions: number | null;
  readonly trainedLength: number | null;
  readonly eosTokenIds: readonly number[];
  readonly #weights: DecoderWeights;
  readonly #rotaryTables: RotaryTables;

  /**
   * Builds the model from weights under their names in the checkpoint.
   *
   * @param labels number of labels of a classifier, whose head takes the place of the model's
   */
  constructor(
    readonly device: Device,
    readonly config: DecoderConfig,
    store: WeightStore,
    labels: number | null = null,
  ) {
    this.modelType = config.modelType;
    this.vocabSize = config.vocabSize;
    this.hiddenSize = config.hiddenSize;
    this.maxPositions = config.positions;
    this.trainedLength = config.trainedLength;
    this.eosTokenIds = config.eosTokenIds;
    this.defaultTargets = defaultTargets(config);
    this.#weights = new DecoderWeights(config, store, labels);
    this.#rotaryTables = new RotaryTables(device, config.headSize);
  }

  get linearModules(): readonly LinearModule[] {
    return this.#weights.linearModules;
  }

  get parameterCount(): number {
    return this.#weights.count;
  }

  /** The prompt's last token. */
  firstInput(prompt: readonly number[]): number {
    return prompt[prompt.length - 1];
  }

  prefill(
    cx: Context,
    prompts: readonly (readonly number[])[],
    adapter: LoraAdapter | null,
  ): PromptMemory {
    const lengths = prompts.map(({ length }) => length);
    const texts = prompts.map((prompt) => prompt.slice(0, -1)).filter(({ length }) => length > 0);
    if (texts.length === 0) return new ReadPrompts(lengths, []);
    const layers: LayerPrompts[] = [];
    cx.scope(() => {
      const windows = this.config.layers.map(({ window }) => window);
      const rows = keptRows(cx, lengths.map((length) => length - 1), windows);
      const reading = this.#wholeTexts(cx, Packed.create(cx, texts), adapter);
      let h = this.#embed(cx, reading);
      this.#weights.layers.forEach((layer, index) => {
        const ofLayer = rows.get(layer.attention.window)!;
        const { keys } = ofLayer;
        if (index === this.#weights.layers.length - 1) {
          const angles = this.#angles(layer, reading);
          const kept = cx.layer(
            h,
            (h) => keepRows(cx, layerKeys(cx, h, layer, angles, adapter), ofLayer),
          );
          layers.push({ kept, keys });
          return;
        }
        const [next, ...kept] = cx.layer(h, (h) => {
          const { output, kept } = this.#layer(cx, h, layer, reading, index);
          return [output, ...keepRows(cx, kept, ofLayer)];
        });
        h = next;
        layers.push({ kept: kept as unknown as KeptKeys, keys });
      });
      return layers.flatMap(({ kept }) => kept);
    });
    return new ReadPrompts(lengths, layers);
  }

  joinPrompts(cx: Context, parts: readonly PromptPart[], count: number): PromptMemory {
    return ReadPrompts.join(cx, parts, count);
  }

  selectPrompts(memory: PromptMemory, which: readonly number[]): PromptMemory {
    return ReadPrompts.of(memory).select(which);
  }

  forward(
    cx: Context,
    inputs: Packed,
    memory: PromptMemory,
    adapter: LoraAdapter | null,
  ): Tensor {
    const prompts = ReadPrompts.of(memory);
    const { own, prompts: rowsOf } = prompts.upload(cx, inputs);
    const reading: Reading = {
      ids: inputs.ids,
      ...this.#positions(cx, prompts.read, inputs.sequenceLengths),
      queries: own,
      adapter,
      layer: (index) => {
        const rows = rowsOf(index);
        const prefix = rows && { ...seenKeys(prompts.layers[index].kept), ...rows };
        return { own, slots: null, prefix };
      },
    };
    return this.#norm(cx, this.#stack(cx, reading));
  }

  /**
   * Hidden states after the final norm, [N, hiddenSize], over whole texts.
   *
   * @param visit called with the embeddings and then the output of each layer, before the next one
   *   runs, which frees them unless the context has a tape
   */
  encode(
    cx: Context,
    texts: Packed,
    adapter: LoraAdapter | null,
    visit: (hidden: Tensor) => void = () => {},
  ): Tensor {
    return this.#norm(cx, this.#stack(cx, this.#wholeTexts(cx, texts, adapter), visit));
  }

  startDecoding(
    cx: Context,
    memory: PromptMemory,
    capacities: readonly number[],
    adapter: LoraAdapter | null,
  ): Decoding {
    const prompts = ReadPrompts.of(memory);
    const { keyHeads, headSize, layers } = this.config;
    const cached = layers.map(({ window }, index) => ({
      width: keyHeads * headSize,
      window,
      prompts: prompts.keys(index),
    }));
    const { read } = prompts;
    const cache = new KeyValueCache(cx, cached, capacities);
    return {
      window: (cx, rows, first, steps) => {
        const kept = cache.window(cx, rows, first, steps, read);
        const { positions } = kept;
        const maxPosition = Math.max(...rows.map((row) => read[row])) + first + steps;
        return {
          stepped: [...kept.stepped, inSteps(positions, steps)],
          step: (cx, index, ids, values) => {
            const { queries, layer } = kept.step(index);
            const reading: Reading = {
              ids,
              positions: positions.slice(index * rows.length, rows.length),
              maxPosition,
              queries,
              adapter,
              layer: (index) => {
                const { kept, slots, prompts: rows } = layer(index);
                const seen = rows !== null && rows.maxLength > 0;
                const prefix = seen
                  ? { ...seenKeys(prompts.layers[index].kept), rows, sharing: null }
                  : null;
                return { own: kept, slots, prefix };
              },
            };
            const h = this.#stack(cx, reading);
            const { finalNorm } = this.#weights;
            return values
              ? values.head.normWithValues(cx, h, finalNorm, values.into)
              : applyNorm(cx, h, finalNorm);
          },
        };
      },
    };
  }

  logits(cx: Context, hidden: Tensor): Tensor {
    return linear(cx, hidden, this.#weights.head);
  }

  logprobs(cx: Context, hidden: Tensor, targets: Tensor): TokenLogprobs {
    return lmHead(cx, hidden, this.#weights.head, targets);
  }

  estimateMemory(shape: BatchShape, loraRank: number): ModelMemory {
    return estimateDecoderMemory(this.config, shape, loraRank);
  }

  /** Reads texts from their first tokens on. */
  #wholeTexts(cx: Context, texts: Packed, adapter: LoraAdapter | null): Reading {
    const before = texts.sequenceLengths.map(() => 0);
    const seen = { own: texts, slots: null, prefix: null };
    return {
      ids: texts.ids,
      ...this.#positions(cx, before, texts.sequenceLengths),
      queries: texts,
      adapter,
      layer: () => seen,
    };
  }

  /**
   * Places of the tokens of some sequences.
   *
   * @param before number of tokens before each sequence
   * @throws {UserError} when there are more than the model has learned positions for
   */
  #positions(
    cx: Context,
    before: readonly number[],
    lengths: readonly number[],
  ): Pick<Reading, "positions" | "maxPosition"> {
    const maxPosition = Math.max(...lengths.map((length, i) => before[i] + length));
    const { positions: limit } = this.config;
    if (limit !== null && maxPosition > limit) {
      throw new UserError(
        `a text has ${maxPosition} tokens, the model has ${limit} positions: shorten the prompts or ` +
          "the responses",
      );
    }
    const places = lengths.flatMap((length, i) =>
      Array.from({ length }, (_, place) => before[i] + place)
    );
    return { positions: cx.from(Int32Array.from(places)), maxPosition };
  }

  /** Rotary positions of a layer's heads; null where positions are learned. */
  #angles({ attention: { rope } }: DecoderLayer, reading: Reading): Rotary | null {
    if (rope === null) return null;
    const table = this.#rotaryTables.get(rope, reading.maxPosition);
    return { table, positions: reading.positions };
  }

  #embed(cx: Context, { ids, positions }: Reading): Tensor {
    const { embedding: table, positions: places } = this.#weights;
    const { embeddingScale, dropout, padTokenId, trainsPadding } = this.config;
    const paddingId = trainsPadding ? null : padTokenId;
    const h = places
      ? embeddingSum(cx, [{ table, ids, paddingId }, { table: places, ids: positions }])
      : embedding(cx, table, ids, paddingId);
    const scaled = embeddingScale === 1 ? h : scale(cx, h, embeddingScale);
    return applyDropout(cx, scaled, dropout.embedding);
  }

  /** Hidden states after all layers. */
  #stack(cx: Context, reading: Reading, visit?: (hidden: Tensor) => void): Tensor {
    let h = this.#embed(cx, reading);
    this.#weights.layers.forEach((layer, index) => {
      visit?.(h);
      h = cx.layer(h, (h) => this.#layer(cx, h, layer, reading, index).output);
    });
    visit?.(h);
    return h;
  }

  /** h + attention, and the feed-forward layer; and the tokens' keys and values. */
  #layer(
    cx: Context,
    h: Tensor,
    layer: DecoderLayer,
    reading: Reading,
    index: number,
  ): { output: Tensor; kept: KeptKeys } {
    const { heads, keyHeads, activation } = this.config;
    const { queries, adapter } = reading;
    const { own, slots, prefix } = reading.layer(index);
    const { scale, window } = layer.attention;
    const angles = this.#angles(layer, reading);
    const read = layerHeads(cx, h, layer, angles, slots, adapter);
    const attended = attention(cx, read.q, read.k, read.v, {
      heads,
      keyHeads,
      scale,
      window,
      causal: true,
      bias: null,
      queries,
      keys: own,
      prefix,
      unrotated: read.unrotated && slots && angles
        ? { k: read.unrotated, rotary: { ...angles, norms: layer.headNorms }, slots }
        : null,
    });
    h = this.#addProjection(cx, h, attended, layer.output, layer.attentionOutputNorm, adapter);
    const active = projectActivated(
      cx,
      h,
      layer.feedForwardNorm,
      adapted(layer.inner, adapter),
      layer.gate && adapted(layer.gate, adapter),
      activation,
    );
    const { outer, feedForwardOutputNorm } = layer;
    const output = this.#addProjection(cx, h, active, outer, feedForwardOutputNorm, adapter);
    return { output, kept: keptKeys(read) };
  }

  /** h + norm(W x), or h + dropout(W x): no family has both. */
  #addProjection(
    cx: Context,
    h: Tensor,
    x: Tensor,
    layer: Linear,
    norm: RmsNorm | null,
    adapter: LoraAdapter | null,
  ): Tensor {
    const { weight, bias, lora } = adapted(layer, adapter);
    const { residual: p } = this.config.dropout;
    const drops = cx.dropoutSeed !== null && p > 0;
    if (!norm && !drops) return linear(cx, x, weight, { bias, lora, residual: h });
    const y = linear(cx, x, weight, { bias, lora });
    if (!norm) return add(cx, h, applyDropout(cx, y, p));
    const { weightOffset } = norm;
    return rmsNorm(cx, y, norm.weight, norm.eps, { weightOffset, residual: h });
  }

  #norm(cx: Context, h: Tensor): Tensor {
    return applyNorm(cx, h, this.#weights.finalNorm);
  }
}

/** PEFT's: the layers of the queries and the values, or the one that computes both. */
function defaultTargets({ names: { heads } }: DecoderConfig): string[] {
  const layers = typeof heads === "string" ? [heads] : [heads[0], heads[2]];
  return layers.map((name) => name.split(".").at(-1)!);
}
