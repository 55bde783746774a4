import type { Context } from "./context.ts";
import { Tensor } from "./tensor.ts";

/**
 * Uploads lists of integers, such as the rows of an attention's queries and keys, into one block of
 * memory, so that a kernel that reads several of them binds one.
 *
 * @param cx owns the block
 * @returns i32 [length, 1] for each list
 */
export function uploadLists(cx: Context, lists: readonly Int32Array[]): Tensor[] {
  const all = new Int32Array(lists.reduce((sum, { length }) => sum + length, 0));
  let next = 0;
  const starts = lists.map((list) => {
    const start = next;
    all.set(list, start);
    next += list.length;
    return start;
  });
  const { buffer } = cx.from(all);
  return lists.map(({ length }, i) =>
    new Tensor(cx.device, buffer, [length, 1], "i32", starts[i] * Int32Array.BYTES_PER_ELEMENT)
  );
}
