import type { GpuDevice, Span } from "../../lib/device/device.ts";
import logSoftmax from "../lm_head/log_softmax.wgsl" with { type: "text" };
import logprob from "../lm_head/logprob.wgsl" with { type: "text" };
import { LOGITS_CHUNK } from "../lm_head/signatures.ts";
import { wgsl } from "../wgsl.ts";
import partsCode from "./draw_parts.wgsl" with { type: "text" };
import state from "./draw_state.wgsl" with { type: "text" };
import sumsCode from "./draw_sums.wgsl" with { type: "text" };
import tokenCode from "./draw_token.wgsl" with { type: "text" };
import row from "./row.wgsl" with { type: "text" };
import scores from "./scores.wgsl" with { type: "text" };
import { DRAW_PARTS, DRAW_SUMS, DRAW_TOKEN } from "./signatures.ts";
import stretches from "./stretches.wgsl" with { type: "text" };

const shared = row + scores + state;
const softmax = shared + logSoftmax;
const partsKernel = wgsl(DRAW_PARTS, "sample/draw_parts.wgsl", partsCode, { shared });
const sumsKernel = wgsl(DRAW_SUMS, "sample/draw_sums.wgsl", sumsCode, { shared: softmax });
const tokenKernel = wgsl(DRAW_TOKEN, "sample/draw_token.wgsl", tokenCode, {
  shared: softmax + logprob + stretches,
});
const [drawing, greedy] = [0, 1].map((GREEDY) => ({
  parts: partsKernel({ GREEDY }),
  sums: sumsKernel({ GREEDY }),
  token: tokenKernel({ GREEDY }),
}));

/** Threads of a workgroup, which share a row's vocabulary where one workgroup takes a row. */
const STRETCHES = 128;
/** Stretches of a workgroup of the sums. */
const GROUP_STRETCHES = 8;
/** Words of a part in draw_state.wgsl: what it has itself, and its sum. */
const PART_WORDS = 5;
/** With fewer tokens one workgroup a row is done sooner than two more launches. */
const SMALLEST_VOCABULARY = 4 * LOGITS_CHUNK;

/** The text of the kernels: for others, the choice between them is measured again. */
export const DRAW_CODE: string = softmax + stretches + partsCode + sumsCode + tokenCode;

/** Choices in the tuning. */
export const DRAWS = { one: "one workgroup a row", several: "several workgroups a row" };

/** Vocabularies whose draws are alike, from `from` tokens on, and the size that is measured for them. */
export const DRAW_CLASSES: readonly { name: string; from: number; measured: number }[] = [
  { name: `draw from ${SMALLEST_VOCABULARY} tokens`, from: SMALLEST_VOCABULARY, measured: 32128 },
  { name: "draw from 65536 tokens", from: 65536, measured: 151_936 },
];

/** Arguments of the kernels that take the next token. */
export interface DrawArguments {
  readonly tokens: Span;
  readonly logprobs: Span | null;
  readonly seen: Span | null;
  readonly logits: Span;
  readonly positions: Span;
  readonly ends: Span | null;
  readonly seenRows: Span | null;
  readonly rows: number;
  readonly vocabulary: number;
  readonly minLength: number;
  readonly repetitionPenalty: number;
}

/** Further arguments of a draw. */
export interface RandomArguments {
  readonly rollouts: Span;
  readonly seedLow: number;
  readonly seedHigh: number;
  readonly temperature: number;
  readonly minP: number;
}

/** The same choice for each class of vocabularies, for the device's `tuning`. */
export function everyDraw(choice: string): Map<string, string> {
  return new Map(DRAW_CLASSES.map(({ name }) => [name, choice]));
}

/** Tells where several workgroups share a row: where the tuning says so, since they have to prove equal. */
export function drawsInParts({ tuning }: GpuDevice, vocabulary: number): boolean {
  const alike = DRAW_CLASSES.findLast(({ from }) => vocabulary >= from);
  return alike !== undefined && tuning.get(alike.name) === DRAWS.several;
}

/**
 * Takes the next token of each row with many workgroups a row, in three launches, or in two where there
 * is nothing to sum: the token and logprob of the kernels with one workgroup a row, bit for bit.
 *
 * @param random arguments of a draw without top-k and top-p; null for the most likely token
 */
export function drawInParts(
  device: GpuDevice,
  { tokens, logprobs, seen, ...input }: DrawArguments,
  random: RandomArguments | null,
): void {
  const { rows, vocabulary } = input;
  const { rollouts = null, seedLow = 0, seedHigh = 0, temperature = 1, minP = 0 } = random ?? {};
  const shaders = random ? drawing : greedy;
  const parts = Math.ceil(vocabulary / LOGITS_CHUNK);
  const words = rows * (PART_WORDS * parts + STRETCHES + 1);
  const state = { buffer: device.alloc(words * 4), byteOffset: 0 };
  const common = { state, ...input, seen, parts, temperature, minP };
  device.dispatch(shaders.parts, rows * parts, { ...common, rollouts, seedLow, seedHigh });
  const sums = (random ? STRETCHES / GROUP_STRETCHES : 0) + (logprobs ? parts : 0);
  if (sums > 0) {
    device.dispatch(shaders.sums, rows * sums, { ...common, logSoftmax: logprobs !== null });
  }
  device.dispatch(shaders.token, rows, { ...common, tokens, logprobs });
  device.free(state.buffer);
}
