import assert from "node:assert/strict";
import { appendToCache } from "../../kernels/kv_cache/kv_cache.ts";
import type { Device } from "../../lib/device/device.ts";
import { type CachedLayer, KeyValueCache } from "../../lib/nn/key_value_cache.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest } from "../device.ts";

/** Number that a row's key at a position consists of. */
const keyOf = (row: number, position: number) => 1000 * row + position;

/** A row's keys as a layer's attention sees them. */
interface SeenKeys {
  /** Keys of the prompt; null where the layer has no prompts. */
  prompt: number | null;
  /** Own keys and values, `[key, value]`. */
  own: [number, number][];
}

/**
 * Decodes as many steps as the longest row has, in windows of at most 16, and checks at the end of
 * each window what the layers see.
 *
 * @param capacities number of tokens of each row
 */
async function decode(
  device: Device,
  layers: readonly CachedLayer[],
  capacities: readonly number[],
  check: (layer: number, row: number, position: number, seen: SeenKeys) => void,
): Promise<void> {
  const cx = new Context(device);
  const cache = new KeyValueCache(cx, layers, capacities);
  let rows = [...capacities.keys()];
  for (let first = 0; rows.length > 0;) {
    const steps = Math.min(16, Math.min(...rows.map((row) => capacities[row])) - first);
    const own = new Context(device);
    const window = cache.window(own, rows, first, steps);
    for (let step = 0; step < steps; step++) {
      const { layer, queries } = window.step(step);
      assert.equal(queries.starts.length, rows.length);
      for (const [index, { width }] of layers.entries()) {
        const { slots } = layer(index);
        const values = Float32Array.from(
          { length: rows.length * width },
          (_, i) => keyOf(rows[Math.floor(i / width)], first + step) + index / 8,
        );
        const k = own.from(values, [rows.length, width]);
        const v = own.from(values.map((key) => key + 0.5), [rows.length, width]);
        appendToCache(device, slots, { k, v }, slots.rows, rows.length, width);
      }
    }
    const last = window.step(steps - 1);
    for (const index of layers.keys()) {
      const { kept, slots, prompts } = last.layer(index);
      const { width } = slots.k;
      const [k, v] = [await slots.k.read(), await slots.v.read()];
      const [starts, lengths] = [await kept.starts.readInts(), await kept.lengths.readInts()];
      const promptLengths = await prompts?.lengths.readInts();
      assert.equal(kept.maxLength, Math.max(...lengths));
      rows.forEach((row, i) => {
        const own = Array.from({ length: lengths[i] }, (_, j): [number, number] => {
          const at = (starts[i] + j) * width;
          return [k[at] - index / 8, v[at] - index / 8];
        });
        const prompt = promptLengths ? promptLengths[i] : null;
        check(index, row, first + steps - 1, { prompt, own });
      });
    }
    own.release();
    first += steps;
    rows = rows.filter((row) => capacities[row] > first);
  }
  cx.release();
}

deviceTest("a cache that grows keeps every key of the rows that are left", async (device) => {
  const layers = [{ width: 4, window: null, prompts: null }, {
    width: 8,
    window: null,
    prompts: null,
  }];
  await decode(device, layers, [70, 1, 150, 64, 65], (_, row, position, { prompt, own }) => {
    const expected = Array.from({ length: position + 1 }, (_, i) => keyOf(row, i));
    assert.deepEqual(own, expected.map((key) => [key, key + 0.5]));
    assert.equal(prompt, null);
  });
});

deviceTest(
  "a layer with a window drops what it will not see, 32 positions together",
  async (device) => {
    const prompts = { starts: [0, 5, 5], lengths: [5, 40, 0] };
    const windows = [24, null, 70];
    const layers = windows.map((window) => ({ width: 4, window, prompts }));
    let dropped = 0;
    const capacities = [300, 200, 77];
    await decode(device, layers, capacities, (layer, row, position, { prompt, own }) => {
      const length = prompts.lengths[row];
      const first = position + 1 - own.length;
      assert.deepEqual(
        own,
        own.map((_, i) => [keyOf(row, first + i), keyOf(row, first + i) + 0.5]),
      );
      assert.equal(prompt, first > 0 ? 0 : length);
      const window = windows[layer];
      if (window === null) return assert.equal(first, 0);
      // What the query sees is there.
      assert.ok(first <= Math.max(0, position - window + 1));
      if (first === 0) return;
      assert.equal((length + first) % 32, 0);
      dropped++;
      // Twice the window and what its steps and the alignment need, at most.
      assert.ok(own.length <= Math.max(64, 2 * (window + 47)), `${own.length} of ${window}`);
    });
    assert.ok(dropped > 20);
  },
);

deviceTest("memory follows the tokens, and the rows that are left", (device) => {
  const cx = new Context(device);
  const { used } = device.memory;
  const width = 64;
  const layer = { width, window: null, prompts: null };
  const cache = new KeyValueCache(cx, [layer], [4096, 4096, 4096, 10]);
  const takes = (rows: number[], first: number, positions: number) => {
    const own = new Context(device);
    cache.window(own, rows, first, 16);
    own.release();
    const taken = (device.memory.used - used) / (2 * 4 * width);
    // A GPU's blocks have sizes of their own.
    assert.ok(positions <= taken && taken < 1.25 * positions, `${taken}, not ${positions}`);
  };
  takes([0, 1, 2, 3], 0, 64 * 3 + 10);
  takes([0, 1, 2], 48, 64 * 3 + 10);
  takes([0, 2], 64, 128 * 2);
  takes([0, 2], 112, 128 * 2);
  takes([2], 120, 240);
  takes([2], 4000, 4096);
  cx.release();
  assert.equal(device.memory.used, used);
  return Promise.resolve();
});
