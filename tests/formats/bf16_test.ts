import assert from "node:assert/strict";
import { decodeFloats } from "../../lib/formats/dtype.ts";
import { toBf16 } from "../../lib/formats/bf16.ts";

Deno.test("f32 is rounded to the nearest bf16, ties to even, and back", () => {
  const bits = (value: number) => toBf16(Float32Array.of(value))[0];
  assert.equal(bits(1), 0x3f80);
  assert.equal(bits(-2.5), 0xc020);
  assert.equal(bits(1 + 2 ** -8), 0x3f80);
  assert.equal(bits(1 + 3 * 2 ** -8), 0x3f82);
  assert.equal(bits(1 + 2 ** -8 + 2 ** -20), 0x3f81);
  assert.equal(bits(Infinity), 0x7f80);
  assert.equal(bits(3.4e38), 0x7f80);
  const values = Float32Array.of(0, -0, 1.5, -Infinity, 2 ** -133, NaN);
  assert.deepEqual(decodeFloats(new Uint8Array(toBf16(values).buffer), "BF16"), values);
});

Deno.test("a NaN whose mantissa would overflow stays a NaN", () => {
  const values = new Float32Array(Uint32Array.of(0x7fffffff, 0xff800001).buffer);
  const back = decodeFloats(new Uint8Array(toBf16(values).buffer), "BF16");
  assert.deepEqual([...back!], [NaN, NaN]);
});
