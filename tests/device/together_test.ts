import assert from "node:assert/strict";
import { add, fill } from "../../kernels/elementwise/elementwise.ts";
import { wgsl } from "../../kernels/wgsl.ts";
import type { DeviceBuffer, Span } from "../../lib/device/device.ts";
import { signature } from "../../lib/device/signature.ts";
import { bindTogether, boundBlocks } from "../../lib/device/webgpu/bound_spans.ts";
import { type Block, PooledBuffer } from "../../lib/device/webgpu/buffer_pool.ts";
import { UserError } from "../../lib/errors.ts";
import { deviceTest, gpuTest } from "../device.ts";

/** sum[i] = first[i] + second[i], or first[i] where there is no second. */
const SUM_LISTS = signature({
  name: "sum_lists",
  only: "webgpu",
  outputs: { sum: "u32" },
  inputs: { first: "u32", second: "u32?" },
  bindings: { lists: ["first", "second"] },
});
const sumLists = wgsl(
  SUM_LISTS,
  "tests/sum_lists.wgsl",
  `@compute @workgroup_size(4)
fn sum_lists(@builtin(local_invocation_index) i: u32) {
  var value = lists[p.first + i];
  if (p.second != NONE) {
    value += lists[p.second + i];
  }
  sum[p.sum + i] = value;
}`,
)();

const whole = (buffer: DeviceBuffer): Span => ({ buffer, byteOffset: 0 });

deviceTest("allocTogether: pieces are written, read and freed each by itself", async (device) => {
  const before = device.memory.used;
  const [a, b, c] = device.allocTogether([12, 1000, 4]).map(whole);
  device.write(a, Float32Array.of(1, 2, 3));
  fill(device, b, 250, 7);
  device.write(c, Float32Array.of(9));
  add(device, { ...b, byteOffset: 4 }, a, a, 3);
  const read = async (span: Span, length: number) => [
    ...new Float32Array((await device.read(span, length * 4)).buffer),
  ];
  assert.deepEqual(await read(a, 3), [1, 2, 3]);
  assert.deepEqual(await read(b, 5), [7, 2, 4, 6, 7]);
  assert.deepEqual(await read(c, 1), [9]);
  device.free(b.buffer);
  assert.deepEqual(await read(c, 1), [9]);
  assert.ok(device.memory.used > before);
  device.free(a.buffer);
  device.free(c.buffer);
  assert.equal(device.memory.used, before);
  assert.throws(() => device.free(c.buffer));
});

gpuTest("a kernel binds spans of one block once, and refuses those of several", async (device) => {
  const [first, second] = device.allocTogether([16, 16]).map(whole);
  const sum = whole(device.alloc(16));
  device.write(first, Uint32Array.of(1, 2, 3, 4));
  device.write(second, Uint32Array.of(10, 20, 30, 40));
  const read = async () => [...new Uint32Array((await device.read(sum, 16)).buffer)];
  device.dispatch(sumLists, 1, { sum, first, second });
  assert.deepEqual(await read(), [11, 22, 33, 44]);
  device.dispatch(sumLists, 1, { sum, first: second, second: null });
  assert.deepEqual(await read(), [10, 20, 30, 40]);
  const elsewhere = whole(device.alloc(16));
  assert.ok(device.bindsTogether([first, null, second]));
  assert.ok(!device.bindsTogether([first, elsewhere]));
  assert.throws(
    () => device.dispatch(sumLists, 1, { sum, first, second: elsewhere }),
    /sum_lists binds lists, which is in several blocks/,
  );
});

gpuTest("allocTogether: what cannot be bound as a whole is in several blocks", (device) => {
  const half = device.maxBindingBytes / 2;
  const [a, b] = device.allocTogether([half + 4, half + 4]).map(whole);
  assert.ok(!device.bindsTogether([a, b]));
  return Promise.resolve();
});

Deno.test("a block too large to bind is bound from its first span on", () => {
  const block = { id: 1, size: 10240, usedIn: -1, buffers: 0 } as Block;
  const limits = { bytes: 1024, alignment: 256 };
  const buffer = new PooledBuffer(10000, block, 200);
  const at = (byteOffset: number, byteLength?: number) => ({ buffer, byteOffset, byteLength });
  const other = { ...block, id: 2, size: 256 };
  const sum = whole(new PooledBuffer(16, other));
  const offsets = new Int32Array(3);
  const bound = (first: Span, second: Span | null) =>
    boundBlocks(SUM_LISTS, [sum, first, second], offsets, [block, block], limits);
  const { blocks, starts, standIns } = bound(at(1000, 16), at(400, 16));
  assert.deepEqual(blocks.map(({ id }) => id), [2, 1]);
  assert.deepEqual([starts, standIns], [[0, 512], []]);
  assert.deepEqual([...offsets], [0, (1200 - 512) / 4, (600 - 512) / 4]);
  bound(at(9992, 8), null);
  assert.deepEqual([...offsets], [0, (10192 % 256) / 4, -1]);
  const tooFar = [at(0, 16), at(1000, 16)];
  assert.ok(!bindTogether(tooFar, limits));
  assert.ok(bindTogether([at(0, 16), at(600, 16)], limits));
  assert.throws(() => bound(tooFar[0], tooFar[1]), UserError);
});
