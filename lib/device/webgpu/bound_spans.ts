import { UserError } from "../../errors.ts";
import type { Binding, Signature, Span, StandIns, StorageBinding } from "../device.ts";
import type { Block, PooledBuffer } from "./buffer_pool.ts";

/** Offset of a span that is null; the prelude's NONE. */
const NONE = -1;

/** Limits of a binding. */
export interface BindingLimits {
  /** Maximum number of bytes. */
  readonly bytes: number;
  /** Offsets in a block are multiples of this. */
  readonly alignment: number;
}

/** Part of a block from `start` on. */
interface Window {
  readonly start: number;
  readonly bytes: number;
}

/**
 * The block of a span.
 *
 * @throws {Error} when it was freed
 */
export function blockOf(span: Span): Block {
  const { block } = span.buffer as PooledBuffer;
  if (!block) throw new Error("the buffer was freed");
  return block;
}

/** First byte of a span in its block. */
export function startOf({ buffer, byteOffset }: Span): number {
  return (buffer as PooledBuffer).start + byteOffset;
}

/** Tells spans that lie in one block, in a part of it that can be bound. */
export function bindTogether(spans: readonly (Binding | null)[], limits: BindingLimits): boolean {
  let block: Block | null = null;
  for (const span of spans) {
    if (!span) continue;
    if (block && blockOf(span) !== block) return false;
    block = blockOf(span);
  }
  return !block || block.size <= limits.bytes || windowOf(spans, limits).bytes <= limits.bytes;
}

/** Bound parts of a dispatch: for each binding a block, from an offset on. */
export interface BoundBlocks {
  readonly blocks: readonly Block[];
  /** 0 unless the block is too large to be bound as a whole. */
  readonly starts: readonly number[];
  /** For each binding the one that stands for it: see {@linkcode StandIns}. */
  readonly standIns: StandIns;
}

/** Every binding stands for itself. */
const NO_STAND_INS: StandIns = [];

/**
 * Finds the blocks that the spans of a launch are in. WebGPU lets no dispatch bind memory that is
 * written a second time: so what lies in one block with an output is bound as the first of these.
 *
 * @param values the launch's arguments, spans first
 * @param offsets written: for each span its offset in what is bound, in words
 * @param nothing bound for null: for each binding a block of its own
 * @throws {Error} when the spans of a binding are in several blocks
 * @throws {UserError} when they are too far apart, or too large
 */
export function boundBlocks(
  { name, bindings }: Signature,
  values: readonly unknown[],
  offsets: Int32Array,
  nothing: readonly Block[],
  limits: BindingLimits,
): BoundBlocks {
  const blocks = bindings.map((binding, i) => blockOfBinding(name, binding, values) ?? nothing[i]);
  const standIns = standInsOf(blocks, bindings);
  const starts: number[] = [];
  for (let i = 0; i < bindings.length; i++) {
    const standIn = standIns[i] ?? i;
    const start = blocks[i].size <= limits.bytes
      ? 0
      : starts[standIn] ?? partOf(name, spansOf(standIn, bindings, standIns), values, limits).start;
    for (const at of bindings[i].spans) {
      const span = values[at] as Binding | null;
      offsets[at] = span ? (startOf(span) - start) / 4 : NONE;
    }
    starts.push(start);
  }
  return { blocks, starts, standIns };
}

/** The block that the spans of a binding are in; null where all are null. */
function blockOfBinding(
  kernel: string,
  { name, spans }: StorageBinding,
  values: readonly unknown[],
): Block | null {
  let block: Block | null = null;
  for (const i of spans) {
    const span = values[i] as Binding | null;
    if (!span) continue;
    const found = blockOf(span);
    if (block && block !== found) {
      throw new Error(`${kernel} binds ${name}, which is in several blocks`);
    }
    block = found;
  }
  return block;
}

function standInsOf(blocks: readonly Block[], bindings: readonly StorageBinding[]): StandIns {
  let standIns: number[] | null = null;
  for (let j = 0; j < blocks.length && bindings[j].isWritten; j++) {
    for (let i = j + 1; i < blocks.length; i++) {
      if (blocks[i] !== blocks[j]) continue;
      standIns ??= blocks.map((_, i) => i);
      if (standIns[i] === i) standIns[i] = j;
    }
  }
  return standIns ?? NO_STAND_INS;
}

/** Spans of a binding, and of those that it stands for. */
function spansOf(
  binding: number,
  bindings: readonly StorageBinding[],
  standIns: StandIns,
): readonly number[] {
  return bindings.flatMap(({ spans }, i) => (standIns[i] ?? i) === binding ? spans : []);
}

/** The part of a block that is bound, where the block is too large. */
function partOf(
  kernel: string,
  spans: readonly number[],
  values: readonly unknown[],
  limits: BindingLimits,
): Window {
  const window = windowOf(spans.map((i) => values[i] as Binding | null), limits);
  if (window.bytes <= limits.bytes) return window;
  throw new UserError(
    `${kernel} works on ${window.bytes} bytes at once, the GPU allows ${limits.bytes}: ` +
      "use a smaller batch, `dtype` bf16 or `device` wasm",
  );
}

function windowOf(spans: readonly (Binding | null)[], { alignment }: BindingLimits): Window {
  let [first, end] = [Infinity, 0];
  for (const span of spans) {
    if (!span) continue;
    const { buffer, byteOffset, byteLength = buffer.byteLength - byteOffset } = span;
    first = Math.min(first, startOf(span));
    end = Math.max(end, startOf(span) + byteLength);
  }
  const start = Math.floor(first / alignment) * alignment;
  return { start, bytes: end - start };
}
