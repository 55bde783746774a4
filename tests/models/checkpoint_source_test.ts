import assert from "node:assert/strict";
import { join } from "node:path";
import { writeSafetensors } from "../../lib/formats/safetensors.ts";
import { CheckpointSource, FrozenStore, type WeightSource } from "../../lib/models/weight_store.ts";
import { withDevice } from "../device.ts";
import { withTempDir } from "../temp_dir.ts";

Deno.test("a checkpoint gives whole tensors and rows, and names what does not fit", async () => {
  await withTempDir(async (dir) => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    await writeSafetensors(
      join(dir, "model.safetensors"),
      new Map([["w", { dtype: "F32", shape: [3, 2], data }]]),
    );
    using source = await CheckpointSource.open(dir);
    assert.deepEqual([source.has("w"), source.has("v")], [true, false]);
    assert.deepEqual(source.read("w", [3, 2]), data);
    assert.deepEqual([...source.read("w", [3, 2], 1, 1)], [3, 4]);
    assert.throws(() => source.read("v", [3, 2]), {
      name: "UserError",
      message: /model\.safetensors has no tensor "v", which its config\.json asks for \(\[3, 2\]\)/,
    });
    assert.throws(() => source.read("w", [2, 3]), {
      name: "UserError",
      message: /tensor "w" is \[3, 2\], config\.json asks for \[2, 3\]/,
    });
  });
});

Deno.test("large tensors go to the device in pieces of a few MiB, in order", () =>
  withDevice(async (device) => {
    const [rows, columns] = [5000, 512]; // 9.8 MiB
    let next = 0;
    const source: WeightSource = {
      has: () => true,
      read(_name, shape, first = 0, count = shape[0]) {
        assert.equal(first, next);
        assert.ok(count * columns * 4 <= 4 << 20);
        next = (first + count) % rows;
        return Float32Array.from({ length: count * columns }, (_, i) => first * columns + i);
      },
    };
    const store = new FrozenStore(device, source, "f32");
    store.matrix("m", rows, columns);
    const table = await store.table("t", rows, columns).read();
    assert.ok(table.every((value, i) => value === i));
    const bf16 = new FrozenStore(device, source, "bf16");
    const bytes = await device.read(bf16.table("t", rows, columns), rows * columns * 2);
    const bits = new Uint16Array(bytes.buffer);
    // 2^21 and 2^21 + 2^14, in the second piece and beyond its start.
    assert.deepEqual([bits[2 ** 21], bits[2 ** 21 + 2 ** 14]], [0x4a00, 0x4a01]);
    store.dispose();
    bf16.dispose();
  }));
