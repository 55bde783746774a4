import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { UserError } from "../../lib/errors.ts";
import { SafetensorsFile, writeSafetensors } from "../../lib/formats/safetensors.ts";
import type { TensorData } from "../../lib/formats/tensor_file.ts";
import { withTempDir } from "../temp_dir.ts";

const MODEL = fileURLToPath(new URL("../../demo/tiny-flan-t5/model.safetensors", import.meta.url));
const F32 = (shape: number[], values: number[]): TensorData => (
  { dtype: "F32", shape, data: Float32Array.from(values) }
);

/** A file with this header (an object or any text) and this many bytes of data. */
function fileBytes(header: unknown, dataBytes: number): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

Deno.test("a checkpoint's tensors are listed and read", () => {
  using file = SafetensorsFile.open(MODEL);
  assert.deepEqual(file.info("shared.weight").shape, [704, 128]);
  const bytes = file.readBytes("shared.weight");
  const floats = file.readFloats("shared.weight");
  assert.equal(bytes.length, 704 * 128 * 4);
  assert.deepEqual(new Uint8Array(floats.buffer), bytes);
  assert.throws(() => file.info("nothing"), /model.safetensors has no tensor "nothing"/);
});

Deno.test("writing what was read gives the library's file, byte for byte", async () => {
  await withTempDir(async (dir) => {
    const tensors = new Map<string, TensorData>();
    {
      using file = SafetensorsFile.open(MODEL);
      // In reverse: the writer sorts.
      for (const { name, dtype, shape } of [...file.tensors.values()].reverse()) {
        tensors.set(name, { dtype, shape, data: file.readBytes(name) });
      }
    }
    await writeSafetensors(join(dir, "copy.safetensors"), tensors);
    assert.ok(
      Buffer.compare(
        Deno.readFileSync(join(dir, "copy.safetensors")),
        Deno.readFileSync(MODEL),
      ) === 0,
    );
    assert.deepEqual([...Deno.readDirSync(dir)].map((e) => e.name), ["copy.safetensors"]);
  });
});

Deno.test("every float and integer type is converted", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "types.safetensors");
    await writeSafetensors(
      path,
      new Map<string, TensorData>([
        ["bf16", { dtype: "BF16", shape: [2], data: Uint16Array.of(0x3f80, 0xc020) }],
        ["f16", { dtype: "F16", shape: [3], data: Uint16Array.of(0x3c00, 0xc100, 0x0001) }],
        ["f64", { dtype: "F64", shape: [1, 1], data: Float64Array.of(0.1) }],
        ["f32", F32([], [-0])],
        ["none", F32([0, 7], [])],
        ["i64", { dtype: "I64", shape: [2], data: BigInt64Array.of(-1n, 704n) }],
        ["big", { dtype: "I64", shape: [1], data: BigInt64Array.of(2n ** 31n) }],
        ["i32", { dtype: "I32", shape: [1], data: Int32Array.of(-5) }],
        ["bool", { dtype: "BOOL", shape: [3], data: Uint8Array.of(0, 1, 1) }],
      ]),
    );
    using file = SafetensorsFile.open(path);
    assert.deepEqual([...file.tensors.keys()].sort(), [
      ...["bf16", "big", "bool", "f16", "f32", "f64", "i32", "i64", "none"],
    ]);
    assert.deepEqual(file.readFloats("bf16"), Float32Array.of(1, -2.5));
    assert.deepEqual(file.readFloats("f16"), Float32Array.of(1, -2.5, 2 ** -24));
    assert.deepEqual(file.readFloats("f64"), Float32Array.of(0.1));
    assert.deepEqual(file.readFloats("f32"), Float32Array.of(-0));
    assert.deepEqual(file.readFloats("none"), new Float32Array());
    assert.deepEqual(file.readInts("i64"), Int32Array.of(-1, 704));
    assert.deepEqual(file.readInts("i32"), Int32Array.of(-5));
    assert.throws(() => file.readInts("big"), /tensor "big" holds 2147483648, beyond 32 bits/);
    assert.throws(() => file.readFloats("i32"), /tensor "i32" is I32, expected floating-point/);
    assert.throws(() => file.readInts("bool"), /tensor "bool" is BOOL, expected integers/);
  });
});

const tensor = (dtype: unknown, shape: unknown, offsets: unknown) => ({
  dtype,
  shape,
  data_offsets: offsets,
});
const BROKEN: [string, Uint8Array<ArrayBuffer>, RegExp][] = [
  ["an empty file", new Uint8Array(), /it has 0 bytes/],
  ["a header longer than the limit", new Uint8Array(64).fill(255), /claims 18446744073709551615/],
  ["a header longer than the file", Uint8Array.of(99, 0, 0, 0, 0, 0, 0, 0, 123), /is truncated/],
  ["a header that is no JSON", fileBytes("{nonsense", 0), /header is not JSON/],
  ["a header that is no object", fileBytes([1], 0), /not a JSON object/],
  ["a header that is not UTF-8", Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 255), /not JSON/],
  ["a tensor that is no object", fileBytes({ w: 3 }, 0), /"w" is described by 3/],
  ["an unknown dtype", fileBytes({ w: tensor("F31", [1], [0, 4]) }, 4), /"w" has dtype "F31"/],
  ["an inherited dtype", fileBytes({ w: tensor("toString", [1], [0, 4]) }, 4), /has dtype "toStr/],
  ["a negative shape", fileBytes({ w: tensor("F32", [-1], [0, 4]) }, 4), /has shape \[-1\]/],
  ["a fractional shape", fileBytes({ w: tensor("F32", [0.5, 2], [0, 4]) }, 4), /has shape/],
  ["no shape", fileBytes({ w: tensor("F32", null, [0, 4]) }, 4), /has shape null/],
  ["a shape of 2^64 elements", fileBytes({ w: tensor("F32", [2 ** 32, 2 ** 32], [0, 4]) }, 4), /t/],
  ["offsets in reverse", fileBytes({ w: tensor("F32", [1], [4, 0]) }, 4), /data_offsets \[4,0\]/],
  ["one offset", fileBytes({ w: tensor("F32", [1], [0]) }, 4), /data_offsets \[0\]/],
  ["a shape that lies", fileBytes({ w: tensor("F32", [2], [0, 4]) }, 4), /takes 8 bytes by its sh/],
  ["data that are cut", fileBytes({ w: tensor("F32", [2], [0, 8]) }, 7), /truncated: tensor "w"/],
  ["data too long", fileBytes({ w: tensor("F32", [2], [0, 8]) }, 9), /tensors end at byte \d+/],
  [
    "two tensors of one name, also where both are the same bytes",
    fileBytes(
      '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
        '"\\u0077":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}',
      4,
    ),
    /its header has "w" twice/,
  ],
  [
    "a dtype that is given twice",
    fileBytes('{"w":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}', 4),
    /its header has "dtype" twice/,
  ],
  ["metadata that are no texts", fileBytes({ __metadata__: { format: 3 } }, 0), /`__metadata__`/],
  ["a byte order mark", fileBytes("\ufeff{}", 0), /header is not JSON/],
  ["a hole", fileBytes({ w: tensor("F32", [1], [4, 8]) }, 8), /"w" starts 4 bytes after/],
  [
    "an overlap",
    fileBytes({ a: tensor("F32", [2], [0, 8]), b: tensor("F32", [2], [4, 12]) }, 12),
    /"b" shares bytes/,
  ],
];

for (const [what, bytes, message] of BROKEN) {
  Deno.test(`refused: ${what}`, async () => {
    await withTempDir((dir) => {
      const path = join(dir, "broken.safetensors");
      Deno.writeFileSync(path, bytes);
      assert.throws(() => SafetensorsFile.open(path), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /broken\.safetensors/);
        assert.match(error.message, message);
        return true;
      });
    });
  });
}

Deno.test("refused: a file that is not there, and a folder", async () => {
  await withTempDir((dir) => {
    assert.throws(
      () => SafetensorsFile.open(join(dir, "none.safetensors")),
      { name: "UserError", message: /cannot read .*none\.safetensors: it does not exist/ },
    );
    assert.throws(() => SafetensorsFile.open(dir), UserError);
  });
});

Deno.test("a file cut after it was opened is refused when read", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "cut.safetensors");
    const bytes = fileBytes({ w: tensor("F32", [2], [0, 8]) }, 8);
    Deno.writeFileSync(path, bytes);
    using file = SafetensorsFile.open(path);
    Deno.truncateSync(path, bytes.length - 1);
    assert.throws(() => file.readBytes("w"), { name: "UserError", message: /is truncated/ });
  });
});
