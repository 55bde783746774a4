/** Files that PyTorch 1.13.1 itself wrote; tests/fixtures/torch/make.py says how. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Checkpoint } from "../../lib/formats/checkpoint.ts";
import { ELEMENT_BYTES, type FileDType } from "../../lib/formats/dtype.ts";
import { mergeAdapter } from "../../lib/models/merge.ts";
import { SafetensorsFile } from "../../lib/formats/safetensors.ts";
import { elementCount, type TensorData } from "../../lib/formats/tensor_file.ts";
import { TorchFile } from "../../lib/formats/torch_bin.ts";
import { writeTorchFile } from "../../lib/formats/torch_bin_writer.ts";
import { withTempDir } from "../temp_dir.ts";

const FOLDER = fileURLToPath(new URL("../fixtures/torch", import.meta.url));
const readJson = (name: string) => JSON.parse(Deno.readTextFileSync(join(FOLDER, name)));
/** What torch.load gives of each file. */
const expected: Record<string, Record<string, { dtype: FileDType; shape: number[]; hex: string }>> =
  readJson("expected.json");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const READ = Object.keys(expected).filter((name) =>
  name.endsWith(".bin") &&
  !["legacy", "nested", "module", "tensor", "expanded", "dtype"].includes(name.slice(0, -4))
);
for (const name of READ) {
  Deno.test(`${name} is read as PyTorch reads it, whole and in pieces`, () => {
    using file = TorchFile.open(join(FOLDER, name));
    assert.deepEqual([...file.tensors.keys()], Object.keys(expected[name]));
    for (const [tensor, { dtype, shape, hex: bytes }] of Object.entries(expected[name])) {
      const info = file.info(tensor);
      assert.deepEqual([info.dtype, info.shape], [dtype, shape], tensor);
      assert.equal(hex(file.readBytes(tensor)), bytes, tensor);
      const count = elementCount(shape);
      for (const length of [1, 3, 7]) {
        let pieces = "";
        for (let first = 0; first < count; first += length) {
          pieces += hex(file.readBytes(tensor, first, Math.min(length, count - first)));
        }
        assert.equal(pieces, bytes, `${tensor} in pieces of ${length}`);
      }
    }
  });
}

Deno.test("shards that PyTorch wrote are one checkpoint", async () => {
  using checkpoint = await Checkpoint.open(join(FOLDER, "sharded"));
  const shards = Object.entries(expected).filter(([name]) => name.startsWith("sharded/"));
  const tensors = shards.flatMap(([, tensors]) => Object.entries(tensors));
  assert.deepEqual([...checkpoint.files.keys()].sort(), ["a", "b", "c"]);
  for (const [name, { hex: bytes }] of tensors) {
    assert.equal(hex(checkpoint.readBytes(name)), bytes, name);
  }
});

Deno.test("merging gives W + s · B A as PyTorch computes it, to the last bit", async () => {
  await withTempDir(async (dir) => {
    const [folder, output] = [join(FOLDER, "merge"), join(dir, "merged")];
    await mergeAdapter(folder, folder, output);
    using file = SafetensorsFile.open(join(output, "model.safetensors"));
    assert.deepEqual([...file.tensors.keys()].sort(), Object.keys(expected.merged).sort());
    for (const [name, { dtype, shape, hex: bytes }] of Object.entries(expected.merged)) {
      assert.deepEqual([file.info(name).dtype, file.info(name).shape], [dtype, shape]);
      assert.equal(hex(file.readBytes(name)), bytes, name);
    }
  });
});

const REFUSED: [string, RegExp][] = [
  ["legacy.bin", /is in the format of PyTorch before 1\.6; load it in PyTorch and torch\.save/],
  [
    "nested.bin",
    /has no tensors under names at its top level, only "model", "epoch": save the state_dict/,
  ],
  ["module.bin", /global "torch\.nn\.modules\.linear\.Linear" at byte \d+ is not allowed/],
  ["tensor.bin", /does not hold a state_dict: expected a dict of tensors/],
  [
    "expanded.bin",
    /tensor of shape \[3, 4\] and strides \[0, 1\] repeats .* save its \.contiguous\(\)/,
  ],
  ["dtype.bin", /global "torch\.float16" at byte \d+ is not allowed: only tensors and containers/],
  ["complex.bin", /global "torch\.ComplexFloatStorage" at byte \d+ is not allowed/],
];
for (const [name, message] of REFUSED) {
  Deno.test(`${name} is refused in one line`, () => {
    assert.throws(() => TorchFile.open(join(FOLDER, name)), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, message);
      return !error.message.includes("\n");
    });
  });
}

for (const name of ["empty.bin", "single.bin", "dtypes.bin"]) {
  Deno.test(`what is in ${name} is written as torch.save wrote it, byte for byte`, async () => {
    await withTempDir(async (dir) => {
      const tensors = new Map<string, TensorData>(
        Object.entries(expected[name]).map(([tensor, { dtype, shape, hex: bytes }]) => [
          tensor,
          { dtype, shape, data: Uint8Array.from(Buffer.from(bytes, "hex")) },
        ]),
      );
      for (const { dtype, shape, data } of tensors.values()) {
        assert.equal((data as Uint8Array).length, elementCount(shape) * ELEMENT_BYTES[dtype]);
      }
      const path = join(dir, name);
      await writeTorchFile(path, tensors);
      assert.equal(hex(Deno.readFileSync(path)), hex(Deno.readFileSync(join(FOLDER, name))));
    });
  });
}

Deno.test("around a thousand tensors the file is torch.save's, byte for byte", async () => {
  for (const [count, sha256] of Object.entries(readJson("counts.json"))) {
    await withTempDir(async (dir) => {
      const path = join(dir, "model.bin");
      const tensors = new Map<string, TensorData>(
        Array.from({ length: Number(count) }, (_, i) => [
          String(i),
          { dtype: "F32", shape: [1], data: Float32Array.of(i) },
        ]),
      );
      await writeTorchFile(path, tensors);
      const bytes = Deno.readFileSync(path);
      assert.equal(createHash("sha256").update(bytes).digest("hex"), sha256, count);
    });
  }
});
