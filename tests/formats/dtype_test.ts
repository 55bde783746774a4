import assert from "node:assert/strict";
import { decodeFloats, ELEMENT_BYTES, type FileDType } from "../../lib/formats/dtype.ts";

Deno.test("floating-point types are decoded to f32, others not", () => {
  const cases: [FileDType, ArrayBufferView<ArrayBuffer>, number[] | null][] = [
    ["F32", Float32Array.of(1, -2.5), [1, -2.5]],
    ["F64", Float64Array.of(1, -2.5), [1, -2.5]],
    ["F16", Uint16Array.of(0x3c00, 0xc100, 1), [1, -2.5, 2 ** -24]],
    ["BF16", Uint16Array.of(0x3f80, 0xc020), [1, -2.5]],
    ["I64", BigInt64Array.of(1n), null],
    ["U8", Uint8Array.of(1), null],
  ];
  for (const [dtype, { buffer, byteLength }, expected] of cases) {
    const decoded = decodeFloats(new Uint8Array(buffer), dtype);
    assert.deepEqual(decoded && [...decoded], expected);
    assert.equal(byteLength % ELEMENT_BYTES[dtype], 0);
  }
});
