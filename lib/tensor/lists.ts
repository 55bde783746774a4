import type { SteppedMemory } from "../device/device.ts";
import type { Context } from "./context.ts";
import { BYTES, Tensor } from "./tensor.ts";

/**
 * Uploads lists of numbers, such as the rows of an attention's queries and keys, into one block of
 * memory, so that a kernel that reads several of them binds one.
 *
 * @param cx owns the block
 * @param lists all of one type
 * @returns i32 or f32 [length, 1] for each list
 */
export function uploadLists(
  cx: Context,
  lists: readonly Int32Array[] | readonly Float32Array[],
): Tensor[] {
  const length = lists.reduce((sum, { length }) => sum + length, 0);
  const all = lists[0] instanceof Float32Array ? new Float32Array(length) : new Int32Array(length);
  let next = 0;
  const starts = lists.map((list) => {
    const start = next;
    all.set(list, start);
    next += list.length;
    return start;
  });
  const { buffer, dtype } = cx.from(all);
  return lists.map(({ length }, i) =>
    new Tensor(cx.device, buffer, [length, 1], dtype, starts[i] * BYTES[dtype])
  );
}

/** The memory of a tensor of whose rows every step of a loop uses as many, one step's after another's. */
export function inSteps(
  { buffer, byteOffset, length, dtype }: Tensor,
  steps: number,
): SteppedMemory {
  return { buffer, byteOffset, stepBytes: length * BYTES[dtype] / steps, steps };
}
