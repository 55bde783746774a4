import assert from "node:assert/strict";
import { join } from "node:path";
import { Checkpoint, openTensorFile } from "../../lib/formats/checkpoint.ts";
import { MemoryFiles } from "../../lib/formats/model_files.ts";
import { writeSafetensors } from "../../lib/formats/safetensors.ts";
import type { TensorData } from "../../lib/formats/tensor_file.ts";
import { writeTorchFile } from "../../lib/formats/torch_bin_writer.ts";
import { withTempDir } from "../temp_dir.ts";

const TENSORS = new Map<string, TensorData>([
  ["a", { dtype: "F32", shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
  ["b", { dtype: "BF16", shape: [2], data: Uint16Array.of(0x3f80, 0xc020) }],
]);
const writers = { safetensors: writeSafetensors, bin: writeTorchFile };
const stems = { safetensors: "model", bin: "pytorch_model" };

/** Writes each tensor into a file of its own, and the index. */
async function writeShards(dir: string, kind: "safetensors" | "bin"): Promise<void> {
  const weightMap: Record<string, string> = {};
  for (const [name, tensor] of TENSORS) {
    weightMap[name] = `${stems[kind]}-${name}-of-b.${kind}`;
    await writers[kind](join(dir, weightMap[name]), new Map([[name, tensor]]));
  }
  writeIndex(dir, kind, { metadata: { total_size: 28 }, weight_map: weightMap });
}

function writeIndex(dir: string, kind: "safetensors" | "bin", index: unknown): void {
  Deno.writeTextFileSync(join(dir, `${stems[kind]}.${kind}.index.json`), JSON.stringify(index));
}

/** Reads a folder's files into memory. */
async function inMemory(dir: string): Promise<MemoryFiles> {
  const names = Array.from(Deno.readDirSync(dir), ({ name }) => name);
  return new MemoryFiles(
    await Promise.all(
      names.map(async (name) => [name, await Deno.readFile(join(dir, name))] as const),
    ),
  );
}

for (const kind of ["safetensors", "bin"] as const) {
  for (const sharded of [false, true]) {
    Deno.test(`a checkpoint in ${sharded ? "several" : "one"} .${kind}`, async () => {
      await withTempDir(async (dir) => {
        if (sharded) await writeShards(dir, kind);
        else await writers[kind](join(dir, `${stems[kind]}.${kind}`), TENSORS);
        for (const source of [dir, await inMemory(dir)]) {
          using checkpoint = await Checkpoint.open(source);
          assert.deepEqual([...checkpoint.files.keys()].sort(), ["a", "b"]);
          assert.deepEqual(checkpoint.info("a").shape, [3, 2]);
          assert.deepEqual([...checkpoint.readFloats("a", 2, 3)], [3, 4, 5]);
          assert.deepEqual([...checkpoint.readFloats("b")], [1, -2.5]);
          assert.deepEqual([...checkpoint.readBytes("b")], [0x80, 0x3f, 0x20, 0xc0]);
          assert.throws(() => checkpoint.info("c"), { message: /has no tensor "c"/ });
        }
      });
    });
  }
}

Deno.test("safetensors is preferred to .bin, one file to several", async () => {
  await withTempDir(async (dir) => {
    const only = (name: string) => new Map([[name, TENSORS.get("a")!]]);
    const names = async () => {
      using checkpoint = await Checkpoint.open(dir);
      return [...checkpoint.files.keys()];
    };
    await assert.rejects(names(), { name: "UserError", message: /has no weights: expected model/ });
    await writeShards(dir, "bin");
    assert.deepEqual(await names(), ["a", "b"]);
    await writeTorchFile(join(dir, "pytorch_model.bin"), only("bin"));
    assert.deepEqual(await names(), ["bin"]);
    await writeShards(dir, "safetensors");
    assert.deepEqual(await names(), ["a", "b"]);
    await writeSafetensors(join(dir, "model.safetensors"), only("safe"));
    assert.deepEqual(await names(), ["safe"]);
  });
});

Deno.test("refused: an index that leads astray", async () => {
  await withTempDir(async (dir) => {
    await writeShards(dir, "safetensors");
    const refused = async (index: unknown, message: RegExp) => {
      writeIndex(dir, "safetensors", index);
      await assert.rejects(Checkpoint.open(dir), { name: "UserError", message });
    };
    const file = "model-a-of-b.safetensors";
    await refused({}, /index\.json has no weight_map from tensors to the files/);
    await refused({ weight_map: { a: 1 } }, /has no weight_map/);
    for (const path of ["../x.safetensors", "/etc/passwd", "..", "", "c/d"]) {
      await refused({ weight_map: { a: path } }, /names the file ".*", expected one in its own/);
    }
    await refused(
      { weight_map: { a: file, c: file } },
      /says that "c" is in model-a-of-b.*not contain it/,
    );
    await refused({ weight_map: { a: file, b: "gone.bin" } }, /cannot read .*gone\.bin: it does/);
  });
});

Deno.test("the kind of a tensor file is told by its name", async () => {
  await withTempDir(async (dir) => {
    for (const kind of ["safetensors", "bin"] as const) {
      await writers[kind](join(dir, `x.${kind}`), TENSORS);
      using file = openTensorFile(join(dir, `x.${kind}`));
      assert.deepEqual([...file.tensors.keys()].sort(), ["a", "b"]);
    }
  });
});
