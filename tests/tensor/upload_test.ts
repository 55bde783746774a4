import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { toBf16 } from "../../lib/formats/bf16.ts";
import { rowsPerPiece, uploadRows } from "../../lib/tensor/upload.ts";
import { withDevice } from "../device.ts";

const WIDTH = 1024;
/** One row more than two pieces. */
const ROWS = 2 * rowsPerPiece(WIDTH) + 1;

function rowsFrom(first: number, count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count * WIDTH }, (_, i) => Math.sin(first * WIDTH + i));
}

for (const dtype of ["f32", "bf16"] as const) {
  Deno.test(`a tensor is uploaded as ${dtype}, a piece after the other`, () =>
    withDevice(async (device) => {
      const read: [number, number][] = [];
      const tensor = uploadRows(
        device,
        (first, count) => {
          read.push([first, count]);
          return rowsFrom(first, count);
        },
        [ROWS, WIDTH],
        dtype,
      );
      assert.deepEqual([tensor.shape, tensor.dtype], [[ROWS, WIDTH], dtype]);
      const piece = rowsPerPiece(WIDTH);
      assert.deepEqual(read, [[0, piece], [piece, piece], [2 * piece, 1]]);
      const bytes = await device.read(tensor, tensor.buffer.byteLength);
      const stored = dtype === "f32"
        ? new Float32Array(bytes.buffer)
        : new Uint16Array(bytes.buffer);
      const exact = rowsFrom(0, ROWS);
      // Not deepEqual, which lists all differences of millions of values.
      assert.equal(stored.length, exact.length);
      const expected = dtype === "f32" ? exact : toBf16(exact);
      assert.ok(stored.every((value, i) => value === expected[i]));
    }));
}

Deno.test("copies that were rounded to bf16 are given back piece by piece", () => {
  const written: ArrayBufferView[] = [];
  const device = {
    alloc: (byteLength: number) => ({ byteLength }),
    write: (_: unknown, data: ArrayBufferView) => {
      assert.ok(written.every(({ buffer }) => (buffer as ArrayBuffer).detached));
      written.push(data);
    },
  } as unknown as Device;
  uploadRows(device, rowsFrom, [ROWS, WIDTH], "bf16");
  assert.equal(written.length, 3);
  assert.ok((written[2].buffer as ArrayBuffer).detached);
});
