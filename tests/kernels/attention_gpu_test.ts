/** How a GPU's attention gets its tables of rows; results are in attention_decoder_test.ts. */
import assert from "node:assert/strict";
import { Context } from "../../lib/tensor/context.ts";
import { uploadLists } from "../../lib/tensor/lists.ts";
import { attention, type Rows } from "../../lib/tensor/ops/attention.ts";
import { gpuTest } from "../device.ts";
import { randomValues } from "../numeric.ts";
import { build, f32, makeCase } from "./attention_case.ts";

gpuTest("attention on a GPU: tables in one block are not copied", async (device) => {
  const cx = new Context(device, { grad: true });
  const c = makeCase({
    ...{ qLengths: [1, 4], kLengths: [3, 7], causal: true, heads: 4, keyHeads: 2, headSize: 16 },
    prefixes: { lengths: [5], of: [0, 0] },
  });
  const counted = (run: () => void): number => {
    device.flush(); // or a write might be a dispatch
    const before = device.counters.dispatches;
    run();
    return device.counters.dispatches - before;
  };
  const { prefix: before } = c;
  const lists = [c.qStarts, c.qLengths, c.kStarts, c.kLengths, before!.starts, before!.lengths];
  const sharing = [[0, 1], [0, 2]];
  const tables = uploadLists(cx, [...lists, ...sharing].map((list) => Int32Array.from(list)));
  const rows = (i: number): Rows => (
    { starts: tables[i], lengths: tables[i + 1], maxLength: Math.max(...lists[i + 1]) }
  );
  const q = f32(cx, c.q, 64);
  const keys = [c.k, c.v, before!.k, before!.v].map((x) => f32(cx, x, 32));
  const prefix = {
    ...{ k: keys[2], v: keys[3], rows: rows(4) },
    sharing: { order: tables[6], starts: tables[7] },
  };
  const options = { heads: 4, keyHeads: 2, scale: c.scale, causal: true, bias: null };
  let o = q;
  const together = counted(() => {
    o = attention(cx, q, keys[0], keys[1], {
      ...options,
      ...{ queries: rows(0), keys: rows(2), prefix },
    });
  });
  let separate = o;
  const copied = counted(() => separate = build(cx, c).o);
  assert.deepEqual([together, copied], [1, 1 + 6]);
  assert.deepEqual(await o.read(), await separate.read());

  for (const x of [q, ...keys]) cx.zero(x.grad = cx.empty(x.shape));
  const gradient = cx.from(randomValues(c.q.length, 5), o.shape);
  const backward = counted(() => cx.backward([{ output: o, gradient }]));
  assert.equal(backward, 1 + 6); // statistics; dq, dk and dv, of the prefix and of the other keys
  cx.release();
});
