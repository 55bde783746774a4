import { UserError } from "../../errors.ts";
import type { Binding, Signature, Span, StorageBinding } from "../device.ts";
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
  /** Bit i: binding i is an output, or in the same block as one. */
  readonly writable: number;
}

/**
 * Finds the blocks that the spans of a launch are in.
 *
 * @param values the launch's arguments, spans first
 * @param offsets written: for each span its offset in what is bound, in words
 * @param nothing bound for null, as input and as output
 * @throws {Error} when the spans of a binding are in several blocks
 * @throws {UserError} when they are too far apart, or too large
 */
export function boundBlocks(
  { name, bindings }: Signature,
  values: readonly unknown[],
  offsets: Int32Array,
  nothing: readonly [Block, Block],
  limits: BindingLimits,
): BoundBlocks {
  const blocks: Block[] = [];
  const starts: number[] = [];
  for (const binding of bindings) {
    let block: Block | null = null;
    for (const i of binding.spans) {
      const span = values[i] as Binding | null;
      if (!span) continue;
      const found = blockOf(span);
      if (block && block !== found) {
        throw new Error(`${name} binds ${binding.name}, which is in several blocks`);
      }
      block = found;
    }
    const isWhole = !block || block.size <= limits.bytes;
    const start = isWhole ? 0 : partOf(name, binding, values, limits).start;
    for (const i of binding.spans) {
      const span = values[i] as Binding | null;
      offsets[i] = span ? (startOf(span) - start) / 4 : NONE;
    }
    blocks.push(block ?? nothing[Number(binding.isWritten)]);
    starts.push(start);
  }
  return { blocks, starts, writable: writableBindings(blocks, bindings) };
}

/** The part of a block that a binding needs, where the block is too large to be bound. */
function partOf(
  kernel: string,
  binding: StorageBinding,
  values: readonly unknown[],
  limits: BindingLimits,
): Window {
  const window = windowOf(binding.spans.map((i) => values[i] as Binding | null), limits);
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

function writableBindings(blocks: readonly Block[], bindings: readonly StorageBinding[]): number {
  let mask = 0;
  for (let i = 0; i < blocks.length; i++) {
    for (let j = 0; j < blocks.length; j++) {
      if (bindings[j].isWritten && blocks[i] === blocks[j]) mask |= 1 << i;
    }
  }
  return mask;
}
