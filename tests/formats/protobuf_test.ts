import assert from "node:assert/strict";
import { bytesOf, floatOf, parseProtobuf, textOf, uintOf } from "../../lib/formats/protobuf.ts";

const parse = (...bytes: number[]) => [...parseProtobuf(Uint8Array.from(bytes))];

Deno.test("fields of every type, in their order", () => {
  assert.deepEqual(parse(), []);
  assert.deepEqual(parse(0x08, 0x96, 0x01, 0x10, 0x05), [[1, 150], [2, 5]]);
  assert.deepEqual(parse(0xca, 0x02, 2, 7, 8), [[41, Uint8Array.of(7, 8)]]);
  const [[, float], [, text], [, double]] = parse(
    ...[0x15, 0, 0, 0x20, 0xc0],
    ...[0x0a, 2, 0xc3, 0xa9],
    ...[0x09, 0, 0, 0, 0, 0, 0, 0, 0],
  );
  assert.equal(floatOf(float), -2.5);
  assert.equal(textOf(text), "é");
  assert.equal(bytesOf(double).length, 8);
  // -1 as protobuf writes it, in ten bytes.
  assert.equal(uintOf(parse(0x08, ...Array(9).fill(255), 1)[0][1]), 2 ** 64);
});

Deno.test("what is no message, or a field of another type, is an error", () => {
  assert.throws(() => parse(0x80), /ends within a number/);
  assert.throws(() => parse(...Array(12).fill(255)), /a number before byte 10 is too long/);
  assert.throws(() => parse(0x0a, 5, 1), /a field at byte 2 is cut/);
  assert.throws(() => parse(0x0b), /field 1 before byte 1 has no known type/);
  assert.throws(() => floatOf(1), /bytes are missing/);
  assert.throws(() => floatOf(new Uint8Array(8)), /a float is missing/);
  assert.throws(() => uintOf(undefined), /a number is missing/);
  assert.throws(() => textOf(Uint8Array.of(0xff)), /not valid/);
});
