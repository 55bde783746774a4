import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SafetensorsFile } from "../../lib/formats/safetensors.ts";
import { TorchFile } from "../../lib/formats/torch_bin.ts";
import { withTempDir } from "../temp_dir.ts";
import { pickle, tensor, text, writeTorchZip } from "./torch_pickle.ts";

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const PAIRS = [
  [
    "tests/fixtures/tiny-roberta-toxicity/pytorch_model.bin",
    "demo/tiny-roberta-toxicity/model.safetensors",
  ],
  [
    "tests/golden/cases/adapter/adapter_model.bin",
    "tests/golden/cases/adapter/adapter_model.safetensors",
  ],
];
for (const [bin, safetensors] of PAIRS) {
  Deno.test(`${bin} holds what the safetensors file beside it holds`, () => {
    using file = TorchFile.open(path(bin));
    using expected = SafetensorsFile.open(path(safetensors));
    assert.deepEqual([...file.tensors.keys()].sort(), [...expected.tensors.keys()].sort());
    for (const { name, dtype, shape } of expected.tensors.values()) {
      const info = file.info(name);
      assert.deepEqual([info.dtype, info.shape], [dtype, shape]);
      assert.ok(Buffer.compare(file.readBytes(name), expected.readBytes(name)) === 0, name);
    }
  });
}

/** A file with one dict, {"w": …}, over a storage "0" of 0, 1, 2 … */
async function withTensor(
  description: (string | number)[],
  storage: ArrayBufferView<ArrayBuffer>,
  body: (file: TorchFile) => void,
): Promise<void> {
  await withTempDir((dir) => {
    const path = join(dir, "model.bin");
    writeTorchZip(path, pickle("}(", ...text("w"), ...description, "u"), { "data/0": storage });
    using file = TorchFile.open(path);
    body(file);
  });
}

const counting = Float32Array.from({ length: 12 }, (_, i) => i);

Deno.test("transposed and strided tensors are gathered, whole and in pieces", async () => {
  const views: [number, number[], number[], number[]][] = [
    [0, [4, 3], [1, 4], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]],
    [1, [2, 2], [6, 2], [1, 3, 7, 9]],
    [2, [2, 2, 2], [1, 4, 2], [2, 4, 6, 8, 3, 5, 7, 9]],
    [3, [3], [0], [3, 3, 3]],
    [5, [], [], [5]],
    [5, [1, 2], [77, 1], [5, 6]],
  ];
  for (const [offset, shape, strides, expected] of views) {
    await withTensor(tensor("0", 12, { offset, shape, strides }), counting, (file) => {
      assert.deepEqual([...file.readFloats("w")], expected);
      for (let first = 0; first < expected.length; first++) {
        for (let count = 0; first + count <= expected.length; count++) {
          const piece = [...file.readFloats("w", first, count)];
          assert.deepEqual(piece, expected.slice(first, first + count));
        }
      }
    });
  }
});

Deno.test("every storage type is read as its dtype", async () => {
  const types = [
    ["HalfStorage", "F16", Uint16Array.of(0x3c00, 0xc100)],
    ["BFloat16Storage", "BF16", Uint16Array.of(0x3f80, 0xc020)],
    ["DoubleStorage", "F64", Float64Array.of(1, -2.5)],
  ] as const;
  for (const [type, dtype, storage] of types) {
    await withTensor(tensor("0", 2, { shape: [2], strides: [1], type }), storage, (file) => {
      assert.equal(file.info("w").dtype, dtype);
      assert.deepEqual([...file.readFloats("w")], [1, -2.5]);
    });
  }
  const longs = tensor("0", 1, { shape: [1], strides: [1], type: "LongStorage" });
  await withTensor(longs, BigInt64Array.of(-7n), (file) => {
    assert.deepEqual([...file.readInts("w")], [-7]);
  });
});

Deno.test("tensors can share a storage, and be parameters of an OrderedDict with attributes", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "model.bin");
    const view = tensor("0", 12, { shape: [2], strides: [1], offset: 4 });
    const parameter = ["ctorch._utils\n_rebuild_parameter\n(", ...view, 0x88, "NtR"];
    const items = [...text("a"), ...view, ...text("b"), ...parameter, ...text("step"), "K", 3];
    const dict = ["ccollections\nOrderedDict\n)R(", ...items, "u"];
    const state = ["}", ...text("_metadata"), "}s"];
    writeTorchZip(path, pickle(...dict, ...state, "b"), { "data/0": counting });
    using file = TorchFile.open(path);
    assert.deepEqual([...file.tensors.keys()], ["a", "b"]);
    assert.deepEqual([...file.readFloats("a")], [4, 5]);
    assert.deepEqual([...file.readFloats("b")], [4, 5]);
  });
});

const REFUSED: [string, (string | number)[], RegExp][] = [
  ["a call of os.system", ["cos\nsystem\n(", ...text("id"), "tR"], /global "os\.system" at byte/],
  ["eval", ["cbuiltins\neval\n"], /global "builtins\.eval" .* is not allowed: only tensors/],
  ["a complex tensor", ["ctorch\nComplexFloatStorage\n"], /global "torch\.ComplexFloatStorage"/],
  [
    "an OrderedDict of Python 2, with its items as arguments",
    ["ccollections\nOrderedDict\n", "(]tR"],
    /an OrderedDict is made of arguments, as by Python 2/,
  ],
  ["another object", ["ccollections\nOrderedDict\n)", 0x81], /pickle opcode NEWOBJ at byte 28 is/],
  ["a tensor alone", tensor("0", 12, { shape: [1], strides: [1] }), /does not hold a state_dict/],
  ["numbers for names", [
    "}(K",
    1,
    "K",
    2,
    "K",
    3,
    ...tensor("0", 12, { shape: [1], strides: [1] }),
    "u",
  ], /no tensors under names .* only 1, 3:/],
  ["a storage without a size", [
    "(",
    ...text("storage"),
    "ctorch\nFloatStorage\n",
    ...text("0"),
    ...text("cpu"),
    0x8a,
    8,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    64,
    "tQ",
  ], /persistent id is not that of a storage/],
  ["a missing storage", tensor("1", 1, { shape: [1], strides: [1] }), /storage 1 is missing/],
  ["a storage of another size", tensor("0", 13, { shape: [1], strides: [1] }), /take 52 bytes, it/],
  ["a view too long", tensor("0", 12, { shape: [13], strides: [1] }), /\[13\] .* does not fit/],
  ["a view beyond", tensor("0", 12, { shape: [2], strides: [12] }), /storage of 12 elements/],
  [
    "a few bytes repeated",
    tensor("0", 12, { shape: [99, 99], strides: [0, 0] }),
    /\[99, 99\] .* repeats/,
  ],
  ["strides of other rank", tensor("0", 12, { shape: [1], strides: [] }), /is malformed/],
  ["a storage of no storage", ["(", ...text("x"), "tQ"], /persistent id is not that of a storage/],
];
for (const [what, description, message] of REFUSED) {
  Deno.test(`refused: ${what}`, async () => {
    await withTempDir((dir) => {
      const path = join(dir, "model.bin");
      writeTorchZip(path, pickle(...description), { "data/0": counting });
      assert.throws(() => TorchFile.open(path), { name: "UserError", message });
    });
  });
}

Deno.test("refused: the format before PyTorch 1.6, other files, a big-endian machine's", async () => {
  await withTempDir((dir) => {
    const path = join(dir, "model.bin");
    const refused = (bytes: Uint8Array, message: RegExp) => {
      Deno.writeFileSync(path, bytes);
      assert.throws(() => TorchFile.open(path), { name: "UserError", message });
    };
    refused(pickle(0x8a, 10), /in the format of PyTorch before 1\.6; load it in PyTorch and/);
    refused(new Uint8Array(), /is not a PyTorch file: expected the zip archive/);
    refused(new TextEncoder().encode("version https://git-lfs"), /is not a PyTorch file/);
    writeTorchZip(path, pickle("}"));
    const bytes = Deno.readFileSync(path);
    refused(bytes.subarray(0, bytes.length - 1), /not a readable zip file: .* may be truncated/);
    const renamed = Buffer.from(bytes).toString("latin1").replaceAll("data.pkl", "nope.pkl");
    refused(Buffer.from(renamed, "latin1"), /it has no data\.pkl/);
    writeTorchZip(path, pickle("}"), { byteorder: new TextEncoder().encode("big") });
    refused(Deno.readFileSync(path), /was written on a big-endian machine/);
  });
});
