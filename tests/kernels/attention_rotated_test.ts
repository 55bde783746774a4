import assert from "node:assert/strict";
import type { WebGpuDevice } from "../../lib/device/webgpu/webgpu_device.ts";
import { rotaryFrequencies, rotaryTable } from "../../lib/nn/rotary_table.ts";
import { Context } from "../../lib/tensor/context.ts";
import { uploadLists } from "../../lib/tensor/lists.ts";
import { attention } from "../../lib/tensor/ops/attention.ts";
import { rotary as rotate } from "../../lib/tensor/ops/rotary.ts";
import { gpuTest } from "../device.ts";
import { randomValues } from "../numeric.ts";

/** Tokens before each query: of its prompt, and in its slot of the cache. */
const [PROMPTS, OWN] = [[5, 0, 70], [0, 40, 300]];
/** Rows of a slot. */
const SLOT = 320;
const SEQUENCES = PROMPTS.length;

/** A step's attention, rotated in the same launch or before; tables are in one block or not. */
async function step(
  device: WebGpuDevice,
  { heads, keyHeads, headSize, normed = false, window = null, longest }: {
    heads: number;
    keyHeads: number;
    headSize: number;
    normed?: boolean;
    window?: number | null;
    /** Bound of the lengths of keys. Default: the longest. */
    longest?: number;
  },
  how: "in the attention" | "before it" | "without one block of tables",
) {
  const cx = new Context(device);
  const [width, keyWidth] = [heads * headSize, keyHeads * headSize];
  let seed = 1;
  const fill = (length: number) => randomValues(length, seed++);
  const [q, newK] = cx.emptyTogether([[SEQUENCES, width], [SEQUENCES, keyWidth]]);
  const [k, v] = cx.emptyTogether([[SEQUENCES * SLOT, keyWidth], [SEQUENCES * SLOT, keyWidth]]);
  for (const tensor of [q, newK, k, v]) tensor.write(fill(tensor.length));
  const prompt = () => cx.from(fill(100 * keyWidth), [100, keyWidth]);
  const lists = [
    [0, 1, 2],
    [1, 1, 1],
    [0, SLOT, 2 * SLOT],
    OWN.map((own) => own + 1),
    [20, 9, 30],
    PROMPTS,
    PROMPTS.map((prompt, i) => prompt + OWN[i]),
  ].map((list) => Int32Array.from(list));
  const isApart = how === "without one block of tables";
  const tables = isApart ? lists.map((list) => cx.from(list)) : uploadLists(cx, lists);
  const rows = (i: number) => (
    { starts: tables[i], lengths: tables[i + 1], maxLength: Math.max(...lists[i + 1]) }
  );
  const positions = tables[6];
  const table = rotaryTable(rotaryFrequencies(10_000, headSize), 400);
  const weights = cx.emptyTogether([[headSize], [headSize]]);
  for (const weight of weights) weight.write(fill(headSize));
  const norm = (weight: typeof q) => ({ weight, eps: 1e-6, weightOffset: 1 });
  const rotary = {
    table: cx.from(table, [400, headSize]),
    positions,
    norms: normed ? { q: norm(weights[0]), k: norm(weights[1]) } : null,
  };
  const slots = { k, rows: cx.from(Int32Array.from(OWN, (own, i) => i * SLOT + own)) };
  const options = {
    ...{ heads, keyHeads, scale: 0.2, causal: true, window, bias: null },
    queries: rows(0),
    keys: longest === undefined ? rows(2) : { ...rows(2), maxLength: longest },
    prefix: { k: prompt(), v: prompt(), rows: rows(4), sharing: null },
  };
  device.flush();
  const before = device.counters.dispatches;
  const o = how === "before it"
    ? attention(cx, rotate(cx, { q, k: newK }, rotary, slots).q, k, v, options)
    : attention(cx, q, k, v, { ...options, unrotated: { k: newK, rotary, slots } });
  const dispatches = device.counters.dispatches - before;
  const result = { o: await o.read(), k: await k.read(), v: await v.read() };
  cx.release();
  return { result, dispatches };
}

gpuTest("attention: rotates queries and new keys as `rotary` does, bit for bit", async (device) => {
  for (
    const shape of [
      { heads: 9, keyHeads: 3, headSize: 64 },
      { heads: 4, keyHeads: 1, headSize: 20, normed: true },
      { heads: 2, keyHeads: 2, headSize: 256, normed: true, window: 33 },
      { heads: 7, keyHeads: 1, headSize: 32, window: 1 },
    ]
  ) {
    const expected = await step(device, shape, "before it");
    const together = await step(device, shape, "in the attention");
    assert.deepEqual(together.result, expected.result, JSON.stringify(shape));
    assert.equal(together.dispatches, 1);
    // Where it cannot, it launches both.
    const apart = await step(device, shape, "without one block of tables");
    assert.deepEqual(apart.result, expected.result);
    assert.ok(apart.dispatches > 1);
  }
});

gpuTest("attention: refuses too long a sequence also where it rotates", async (device) => {
  const shape = { heads: 2, keyHeads: 1, headSize: 8, longest: 124_000 };
  await assert.rejects(step(device, shape, "in the attention"), /124070 tokens is too long/);
});
