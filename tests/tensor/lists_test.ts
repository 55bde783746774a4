import assert from "node:assert/strict";
import { Context } from "../../lib/tensor/context.ts";
import { uploadLists } from "../../lib/tensor/lists.ts";
import { deviceTest } from "../device.ts";

deviceTest("uploadLists: lists in one block, whole and in part", async (device) => {
  const cx = new Context(device);
  const lists = [Int32Array.of(7, -8, 9), new Int32Array(0), Int32Array.of(1, 2, 3, 4)];
  const tensors = uploadLists(cx, lists);
  assert.equal(new Set(tensors.map(({ buffer }) => buffer)).size, 1);
  for (const [i, list] of lists.entries()) {
    assert.equal(tensors[i].length, list.length);
    if (list.length > 0) assert.deepEqual(await tensors[i].readInts(), list);
  }
  assert.deepEqual(await tensors[2].slice(1, 2).readInts(), Int32Array.of(2, 3));
  cx.release();
});
