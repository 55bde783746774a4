/**
 * A yardstick for a PPO step: the matrix products it cannot do without, as a plain loop on the same
 * device. A step's time divided by theirs can be compared between machines.
 */
import { matmul } from "../kernels/matmul/matmul.ts";
import type { TaskDevice } from "../lib/device/device.ts";
import type { EncoderConfig } from "../lib/models/encoder_config.ts";
import type { LanguageModel } from "../lib/models/language_model.ts";
import { WeightMatrix } from "../lib/tensor/weight.ts";

/** C[m, n] = A[m, k] Wᵀ with W[n, k], `count` times. */
export interface Product {
  m: number;
  n: number;
  k: number;
  count: number;
  /** Number of different weights, each of which is multiplied as often. */
  weights: number;
}

/** Sizes of a step. */
export interface StepSizes {
  batch: number;
  mini: number;
  prompt: number;
  new: number;
}

/** Minimum number of repetitions of each shape. */
const REPEATS = 3;
/** Minimum time of all shapes with as many rows, for each of them, in milliseconds. */
const TIME = 40;
/**
 * Below this many rows, weights are different ones, as in a step: fetching a weight from memory takes as
 * long as multiplying it. With more rows it takes next to nothing, and one of each shape is multiplied.
 */
const MANY_ROWS = 64;
/** Maximum size of all different weights: more than a cache holds. */
const WEIGHT_BYTES = 256 * 2 ** 20;

/**
 * Products of one step with frozen weights: generating with a KV cache, scoring, the
 * reference's pass, and forward and backward (dx = dy W, so n and k change places) of every
 * minibatch once. Adapters, attention and everything that is not a product with a weight are left
 * out: they are part of why a step's ratio to this is above 1.
 */
export function stepProducts(
  model: ProductModel,
  classifier: EncoderConfig,
  { batch, mini, prompt, new: length }: StepSizes,
): Product[] {
  const { products, add, readPrompts, respond } = productsOf(model);
  // Generating.
  readPrompts(batch * prompt, 1);
  respond(batch, length);
  // Scoring.
  const { hiddenSize, intermediateSize, numLayers } = classifier;
  const texts = batch * Math.min(512, prompt + length);
  const classifierLayers = (rows: number, keys: number, layers: number) => {
    add(keys, hiddenSize, hiddenSize, 2 * layers);
    add(rows, hiddenSize, hiddenSize, 2 * layers);
    add(rows, intermediateSize, hiddenSize, layers);
    add(rows, hiddenSize, intermediateSize, layers);
  };
  classifierLayers(texts, texts, numLayers - 1);
  // The last layer is needed for each text's first token alone.
  classifierLayers(batch, texts, 1);
  // The reference's pass, and forward and backward of the minibatches.
  const minibatches = batch / mini;
  readPrompts(batch * prompt, 1);
  respond(batch * length, 1);
  // Generation has read the first minibatch's prompts.
  readPrompts(mini * prompt, 2 * minibatches - 1);
  respond(mini * length, 2 * minibatches);
  return products;
}

/**
 * Products of one step on groups of responses: prompts are read once for all their responses, and
 * the update goes on from generation's pass over them.
 *
 * @param sizes `prompts` different ones, each with `responses`
 */
export function groupStepProducts(
  model: ProductModel,
  { prompts, responses, prompt, new: length }: {
    prompts: number;
    responses: number;
    prompt: number;
    new: number;
  },
): Product[] {
  const { products, readPrompts, respond } = productsOf(model);
  const rows = prompts * responses;
  // Generating and the update's forward pass, the reference, the backward pass.
  readPrompts(prompts * prompt, 3);
  respond(rows, length);
  respond(rows * length, 3);
  return products;
}

/**
 * Products of one step on preference pairs: prompts are read once for both answers, by the reference
 * and by the policy, forward and backward.
 */
export function pairStepProducts(
  model: ProductModel,
  { prompts, prompt, new: length }: { prompts: number; prompt: number; new: number },
): Product[] {
  const { products, readPrompts, respond } = productsOf(model);
  readPrompts(prompts * prompt, 3);
  respond(2 * prompts * length, 3);
  return products;
}

/**
 * Products of one step of a classifier on pairs of whole texts, forward and backward; its head is next
 * to nothing.
 */
export function textPairProducts(
  { linearModules }: Pick<LanguageModel, "linearModules">,
  { prompts, prompt, new: length }: { prompts: number; prompt: number; new: number },
): Product[] {
  const { products, readPrompts } = productsOf({ linearModules, vocabSize: 0, hiddenSize: 0 });
  readPrompts(2 * prompts * (prompt + length), 2);
  return products;
}

/** Products of decoding one token of each row. */
export function decodingProducts(model: ProductModel, rows: number): Product[] {
  const { products, respond } = productsOf(model);
  respond(rows, 1);
  return products;
}

type ProductModel = Pick<LanguageModel, "linearModules" | "vocabSize" | "hiddenSize">;

/** A list of products, and what adds a model's to it. */
function productsOf(model: ProductModel) {
  const products: Product[] = [];
  const add = (m: number, n: number, k: number, count: number, weights = count) => {
    const same = products.find((p) => p.m === m && p.n === n && p.k === k);
    if (!same) products.push({ m, n, k, count, weights });
    else {
      same.count += count;
      same.weights = Math.max(same.weights, weights);
    }
  };
  const modules = (tokens: "prompt" | "response", rows: number, passes: number) => {
    const seen = new Map<string, [n: number, k: number, weights: number]>();
    for (const { inFeatures: k, outFeatures: n, tokens: works } of model.linearModules) {
      if (works !== tokens && works !== "both") continue;
      seen.set(`${n} ${k}`, [n, k, (seen.get(`${n} ${k}`)?.[2] ?? 0) + 1]);
    }
    for (const [n, k, weights] of seen.values()) add(rows, n, k, weights * passes, weights);
  };
  const readPrompts = (rows: number, passes: number) => modules("prompt", rows, passes);
  const respond = (rows: number, passes: number) => {
    modules("response", rows, passes);
    add(rows, model.vocabSize, model.hiddenSize, passes, 1);
  };
  return { products, add, readPrompts, respond };
}

/**
 * Seconds that the products take. Those with the same number of rows are timed in turns, weight after
 * weight, so that a weight has left the cache, as in a step, when it is multiplied again.
 */
export function timeProducts(
  device: TaskDevice,
  products: readonly Product[],
  dtype: "f32" | "bf16",
): number {
  const [inputs, outputs] = [
    Math.max(...products.map(({ m, k }) => m * k)),
    Math.max(...products.map(({ m, n }) => m * n)),
  ];
  const [a, c] = [inputs, outputs].map((length) => {
    const span = { buffer: device.alloc(length * 4), byteOffset: 0 };
    device.write(span, new Float32Array(length).fill(0.5));
    return span;
  });
  let total = 0;
  for (const m of new Set(products.map(({ m }) => m))) {
    const group = products.filter((product) => product.m === m);
    const weights = weightsOf(device, group, dtype);
    const times = group.map((): number[] => []);
    const until = performance.now() + TIME * group.length;
    for (let round = 0; round < REPEATS || performance.now() < until; round++) {
      group.forEach(({ n, k }, i) => {
        const start = performance.now();
        for (const weight of weights[i]) matmul(device, { c, a, b: weight.forward(), m, n, k });
        times[i].push((performance.now() - start) / weights[i].length);
      });
    }
    group.forEach(({ count }, i) => {
      const sorted = times[i].sort((x, y) => x - y);
      total += count * sorted[sorted.length >> 1] / 1000;
    });
    for (const weight of weights.flat()) weight.dispose(device);
  }
  for (const span of [a, c]) device.free(span.buffer);
  return total;
}

/** Weights for products with the same number of rows: as many for each as a step has, as far as they fit. */
function weightsOf(
  device: TaskDevice,
  group: readonly Product[],
  dtype: "f32" | "bf16",
): WeightMatrix[][] {
  const bytes = (dtype === "f32" ? 4 : 2) *
    group.reduce((sum, { n, k, weights }) => sum + n * k * weights, 0);
  const share = Math.min(1, WEIGHT_BYTES / bytes);
  return group.map(({ m, n, k, weights }) => {
    const count = m < MANY_ROWS ? Math.ceil(weights * share) : 1;
    const rows = (_first: number, rowCount: number) => new Float32Array(rowCount * k).fill(0.5);
    return Array.from({ length: count }, () => WeightMatrix.freeze(device, rows, n, k, dtype));
  });
}
