import assert from "node:assert/strict";
import { requireRepo, type Wanted } from "../../lib/hub/repo.ts";
import { COMPANIONS } from "../../lib/formats/companions.ts";
import { neededFiles } from "../../lib/hub/needed_files.ts";

const needed = (wanted: Wanted, ...paths: string[]) =>
  neededFiles(requireRepo(wanted, "org/name"), paths.map((path) => ({ path }))).map(({ path }) =>
    path
  );

Deno.test("safetensors rather than .bin, .bin rather than ONNX, and none of other frameworks", () => {
  const others = [
    "tf_model.h5",
    "flax_model.msgpack",
    "README.md",
    ".gitattributes",
    "rust_model.ot",
  ];
  const all = ["model.safetensors", "pytorch_model.bin", "onnx/model.onnx", ...others];
  assert.deepEqual(needed("model", "config.json", "spiece.model", ...all), [
    "config.json",
    "spiece.model",
    "model.safetensors",
  ]);
  assert.deepEqual(needed("model", ...all.slice(1)), ["pytorch_model.bin"]);
  assert.deepEqual(needed("model", ...all.slice(2)), ["onnx/model.onnx"]);
  assert.deepEqual(needed("model", ...others), []);
  assert.deepEqual(needed("onnx", ...all, "onnx/model_quantized.onnx"), ["onnx/model.onnx"]);
  assert.deepEqual(needed("onnx", "model.onnx", "model.onnx_data"), [
    "model.onnx",
    "model.onnx_data",
  ]);
});

Deno.test("shards come with their index, and only where there is no single file", () => {
  const shards = (name: string, end: string) => [
    `${name}${end}.index.json`,
    `${name}-00001-of-00002${end}`,
    `${name}-00002-of-00002${end}`,
  ];
  const safetensors = shards("model", ".safetensors");
  const bin = shards("pytorch_model", ".bin");
  assert.deepEqual(needed("model", ...bin, ...safetensors), safetensors);
  assert.deepEqual(needed("model", ...bin), bin);
  assert.deepEqual(needed("model", "model.safetensors", ...safetensors), ["model.safetensors"]);
  assert.deepEqual(needed("model", "pytorch_model.bin", ...safetensors), safetensors);
});

Deno.test("an adapter: its configuration, one form of its weights, the value head", () => {
  const files = ["adapter_config.json", "adapter_model.bin", "training_args.bin"];
  assert.deepEqual(needed("model", ...files, "value_head.safetensors"), [
    "adapter_config.json",
    "adapter_model.bin",
    "value_head.safetensors",
  ]);
  assert.deepEqual(needed("model", ...files, "adapter_model.safetensors"), [
    "adapter_config.json",
    "adapter_model.safetensors",
  ]);
});

Deno.test("a dataset: tables, wherever they are", () => {
  assert.deepEqual(
    needed("dataset", "README.md", "train.csv", "data/test.jsonl", "script.py", "data/.x.csv"),
    ["train.csv", "data/test.jsonl"],
  );
});

Deno.test("all files that go along with a model's copy, and each of its chat templates", () => {
  const files = [
    ...COMPANIONS,
    "model.safetensors",
    "additional_chat_templates/tool_use.jinja",
  ];
  const others = ["additional_chat_templates/notes.md", "examples/chat_template.jinja"];
  assert.deepEqual(needed("model", ...files, ...others), files);
});
