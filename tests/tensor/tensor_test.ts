import assert from "node:assert/strict";
import { BYTES, Tensor } from "../../lib/tensor/tensor.ts";
import { withDevice } from "../device.ts";

Deno.test("Tensor: length, rows and width follow from the shape", () =>
  withDevice((device) => {
    const buffer = device.alloc(4 * 24);
    const sizes = (...shape: number[]) => {
      const { length, rows, width } = new Tensor(device, buffer, shape);
      return [length, rows, width];
    };
    assert.deepEqual(sizes(2, 3, 4), [24, 6, 4]);
    assert.deepEqual(sizes(5), [5, 1, 5]);
    assert.deepEqual(sizes(), [1, 1, 1]);
    return Promise.resolve();
  }));

Deno.test("Tensor: values survive write and read, a view reads its own part", () =>
  withDevice(async (device) => {
    const buffer = device.alloc(64);
    new Tensor(device, buffer, [2, 3]).write(Float32Array.of(1, 2, 3, 4, -5.5, 6));
    assert.deepEqual([...await new Tensor(device, buffer, [3], "f32", 12).read()], [4, -5.5, 6]);
    const ints = new Tensor(device, buffer, [2], "i32", 24);
    ints.write(Int32Array.of(-1, 2 ** 31 - 1));
    assert.deepEqual([...await ints.readInts()], [-1, 2 ** 31 - 1]);
    // Only the view's part of a larger array is written.
    ints.write(Int32Array.of(0, 8, 9, 0).subarray(1, 3));
    assert.deepEqual([...await ints.readInts()], [8, 9]);
  }));

Deno.test("Tensor: slice sees rows of the same memory, in every dtype", () =>
  withDevice(async (device) => {
    const buffer = device.alloc(64);
    const table = new Tensor(device, buffer, [4, 2]);
    table.write(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7));
    const rows = table.slice(1, 2);
    assert.deepEqual([rows.shape, [...await rows.read()]], [[2, 2], [2, 3, 4, 5]]);
    rows.slice(1, 1).write(Float32Array.of(8, 9));
    assert.deepEqual([...await table.read()], [0, 1, 2, 3, 8, 9, 6, 7]);
    for (const dtype of ["f32", "i32", "bf16"] as const) {
      const slice = new Tensor(device, buffer, [4, 2], dtype, 16).slice(2, 1);
      assert.deepEqual([slice.dtype, slice.byteOffset], [dtype, 16 + 4 * BYTES[dtype]]);
    }
  }));

Deno.test("Tensor: reading and writing beyond the buffer is refused", () =>
  withDevice(async (device) => {
    const tensor = new Tensor(device, device.alloc(16), [4]);
    assert.throws(() => tensor.write(new Float32Array(5)), /20 bytes at 0 of a buffer of 16/);
    await assert.rejects(
      async () => await tensor.slice(0, 2).read(),
      /32 bytes at 0 of a buffer of 16/,
    );
  }));
