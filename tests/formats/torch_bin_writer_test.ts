import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TensorData } from "../../lib/formats/tensor_file.ts";
import { TorchFile } from "../../lib/formats/torch_bin.ts";
import { writeTorchFile } from "../../lib/formats/torch_bin_writer.ts";
import { withTempDir } from "../temp_dir.ts";

const ADAPTER = fileURLToPath(
  new URL("../golden/cases/adapter/adapter_model.bin", import.meta.url),
);

Deno.test("writing what torch.save wrote gives the same file, byte for byte", async () => {
  await withTempDir(async (dir) => {
    const tensors = new Map<string, TensorData>();
    using original = TorchFile.open(ADAPTER);
    for (const { name, dtype, shape } of original.tensors.values()) {
      const data = original.readBytes(name);
      // Half of them in two chunks.
      const chunked = () => [data.subarray(0, 100), data.subarray(100)];
      tensors.set(name, { dtype, shape, data: tensors.size % 2 ? chunked : data });
    }
    const path = join(dir, "adapter_model.bin");
    await writeTorchFile(path, tensors);
    assert.ok(Buffer.compare(Deno.readFileSync(path), Deno.readFileSync(ADAPTER)) === 0);
  });
});

Deno.test("every shape, large counts and dtype is read back", async () => {
  await withTempDir(async (dir) => {
    const tensors = new Map<string, TensorData>([
      ["scalar", { dtype: "F32", shape: [], data: Float32Array.of(2) }],
      ["vector", { dtype: "F64", shape: [2], data: Float64Array.of(1, 2) }],
      ["four", { dtype: "BF16", shape: [1, 2, 1, 1], data: Uint16Array.of(1, 2) }],
      ["long", { dtype: "U8", shape: [70_000], data: new Uint8Array(70_000).fill(7) }],
      ["none", { dtype: "I64", shape: [0, 5], data: new BigInt64Array() }],
    ]);
    // More than 256 entries of the memo.
    for (let i = 0; i < 60; i++) {
      tensors.set(`t${i}`, { dtype: "I32", shape: [1], data: Int32Array.of(i) });
    }
    const path = join(dir, "model.bin");
    await writeTorchFile(path, tensors);
    using file = TorchFile.open(path);
    assert.deepEqual([...file.tensors.keys()], [...tensors.keys()]);
    for (const [name, { dtype, shape, data }] of tensors) {
      assert.deepEqual([file.info(name).dtype, file.info(name).shape], [dtype, shape]);
      const { buffer } = data as Uint8Array<ArrayBuffer>;
      assert.deepEqual(file.readBytes(name), new Uint8Array(buffer));
    }
  });
});

Deno.test("refused: a dtype that PyTorch 1.13 has not", async () => {
  await withTempDir(async (dir) => {
    const tensors = new Map<string, TensorData>([
      ["w", { dtype: "U16", shape: [1], data: Uint16Array.of(1) }],
    ]);
    await assert.rejects(writeTorchFile(join(dir, "model.bin"), tensors), {
      name: "UserError",
      message: /PyTorch has no type for "w" of U16/,
    });
    assert.deepEqual([...Deno.readDirSync(dir)], []);
  });
});
