/**
 * Makes a checkpoint of a real model's shape with random weights, to try the scale of a real run where
 * the real weights cannot be downloaded. The shapes are those of bench/model_configs.json; the tokenizer
 * is a small one, whose ids the vocabulary has.
 *
 *     deno run -A scripts/make_checkpoint.ts FOLDER [--shape NAME] [--dtype f32|bf16] [--shards N]
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDevice } from "../lib/device/open.ts";
import { writeSafetensors } from "../lib/formats/safetensors.ts";
import { elementCount, tensorBytes, type TensorData } from "../lib/formats/tensor_file.ts";
import { RandomSource } from "../lib/models/random_weights.ts";
import { modelFamily } from "../lib/models/registry.ts";
import { modelWeights } from "../lib/models/outline.ts";
import type { ParameterSpec } from "../lib/nn/parameters.ts";
import { toBf16 } from "../lib/formats/bf16.ts";
import type { JsonObject } from "../lib/formats/hf_config.ts";
import configs from "../bench/model_configs.json" with { type: "json" };

/** config.json of published models, by the model's name in lower case. */
const MODEL_CONFIGS: Readonly<Record<string, JsonObject>> = configs;

/** Tokenizers of a few hundred tokens, whose ids every model's vocabulary has. */
const TOKENIZERS = {
  t5: "../demo/tiny-flan-t5",
  other: "../demo/tiny-chat",
};
/** Names of their files; not every tokenizer has the last one. */
const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];

/** Elements of a tensor that are made at once, in whole rows. */
const PIECE_ELEMENTS = 1 << 20;

/** Writes config.json, the tokenizer and the weights. */
async function makeCheckpoint(
  folder: string,
  { shape, dtype, shards }: { shape: string; dtype: "f32" | "bf16"; shards: number },
): Promise<void> {
  const json: JsonObject = {
    ...MODEL_CONFIGS[shape],
    torch_dtype: dtype === "f32" ? "float32" : "bfloat16",
  };
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(json, null, 2) + "\n");
  const tokenizer = json.model_type === "t5" ? TOKENIZERS.t5 : TOKENIZERS.other;
  const source = fileURLToPath(new URL(tokenizer, import.meta.url));
  for (const name of TOKENIZER_FILES.filter((name) => existsSync(join(source, name)))) {
    await Deno.copyFile(join(source, name), join(folder, name));
  }
  const device = await openDevice({ device: "wasm", threads: 1 });
  const build = modelFamily(json, "config.json").configure(json, "config.json");
  const specs = modelWeights(device, build);
  device.close();
  const tensors = specs.map((spec, index) =>
    [spec.name, randomTensor(spec, dtype, index)] as const
  );
  if (shards === 1) {
    return await writeSafetensors(join(folder, "model.safetensors"), new Map(tensors));
  }

  const total = tensors.reduce((sum, [, tensor]) => sum + tensorBytes(tensor), 0);
  const parts: (typeof tensors)[] = Array.from({ length: shards }, () => []);
  let before = 0;
  for (const entry of tensors) {
    parts[Math.floor(before / total * shards)].push(entry);
    before += tensorBytes(entry[1]);
  }
  const weightMap: Record<string, string> = {};
  const number = (value: number) => String(value).padStart(5, "0");
  for (const [index, part] of parts.entries()) {
    const file = `model-${number(index + 1)}-of-${number(shards)}.safetensors`;
    await writeSafetensors(join(folder, file), new Map(part));
    for (const [name] of part) weightMap[name] = file;
  }
  const index = { metadata: { total_size: total }, weight_map: weightMap };
  await Deno.writeTextFile(
    join(folder, "model.safetensors.index.json"),
    JSON.stringify(index, null, 2) + "\n",
  );
}

/** Random values that are made while they are written; the seed is the tensor's own. */
function randomTensor(
  { name, shape }: ParameterSpec,
  dtype: "f32" | "bf16",
  seed: number,
): TensorData {
  const rowsAtOnce = Math.ceil(PIECE_ELEMENTS / elementCount(shape.slice(1)));
  return {
    dtype: dtype === "f32" ? "F32" : "BF16",
    shape,
    *data() {
      const source = new RandomSource(seed);
      for (let first = 0; first < shape[0]; first += rowsAtOnce) {
        const values = source.read(name, shape, first, Math.min(rowsAtOnce, shape[0] - first));
        yield dtype === "f32" ? values : toBf16(values);
      }
    },
  };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    shape: { type: "string", default: "flan-t5-base" },
    dtype: { type: "string", default: "f32" },
    shards: { type: "string", default: "1" },
  },
});
const shards = Number(values.shards);
const { shape, dtype } = values;
if (
  positionals.length !== 1 || !(shape in MODEL_CONFIGS) || (dtype !== "f32" && dtype !== "bf16") ||
  !Number.isInteger(shards) || shards < 1
) {
  console.error(
    "usage: make_checkpoint.ts FOLDER [--shape NAME] [--dtype f32|bf16] [--shards N]\n" +
      `shapes: ${Object.keys(MODEL_CONFIGS).join(", ")}`,
  );
  Deno.exit(2);
}
await makeCheckpoint(positionals[0], { shape, dtype, shards });
