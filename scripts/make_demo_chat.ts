/**
 * Makes the demo's chat model from nothing but this repository: a tokenizer, random weights, and
 * conversations, on which `temper sft --full` trains it. On the WASM device, whatever the number of
 * its threads, the files are those of demo/tiny-chat, bit for bit; it takes some minutes. Beside the
 * folder it writes `additions`, the sums that reinforcement learning can teach the model.
 *
 *     deno run -A scripts/make_demo_chat.ts [FOLDER] [--threads N]
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { main } from "../lib/cli/main.ts";
import { openDevice } from "../lib/device/open.ts";
import { toBf16 } from "../lib/formats/bf16.ts";
import { openTensorFile } from "../lib/formats/checkpoint.ts";
import { writeSafetensors } from "../lib/formats/safetensors.ts";
import type { TensorData } from "../lib/formats/tensor_file.ts";
import { RandomSource } from "../lib/models/random_weights.ts";
import { modelFamily } from "../lib/models/registry.ts";
import { modelWeights } from "../lib/models/outline.ts";
import { Random } from "../lib/random.ts";
import { carelessAdder, listAdditions, sumOf } from "./demo_chat/additions.ts";
import { drawConversation, type Message } from "./demo_chat/conversations.ts";
import { END_ID, tokenizerConfig, tokenizerJson } from "./demo_chat/tokenizer.ts";

/** Shape of the model: a Llama of a million parameters. */
const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: 1,
  eos_token_id: END_ID,
  head_dim: 32,
  hidden_act: "silu",
  hidden_size: 128,
  initializer_range: 0.02,
  intermediate_size: 512,
  max_position_embeddings: 512,
  mlp_bias: false,
  model_type: "llama",
  num_attention_heads: 4,
  num_hidden_layers: 4,
  num_key_value_heads: 2,
  pad_token_id: 0,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  transformers_version: "4.52.4",
  use_cache: true,
  vocab_size: 512,
};

/** Defaults of generating, for other tools. */
const GENERATION_CONFIG = {
  _from_model_config: true,
  bos_token_id: CONFIG.bos_token_id,
  eos_token_id: CONFIG.eos_token_id,
  pad_token_id: CONFIG.pad_token_id,
  transformers_version: CONFIG.transformers_version,
};

/** Training in two stages: to talk and add, and then to add as someone who does not take care. */
const STAGES = [
  { seed: 0, add: sumOf, conversations: 48_000, rate: "3e-3", warmup: "100" },
  { seed: 2, add: carelessAdder, conversations: 5_120, rate: "1e-3", warmup: "20" },
];

/** Number of conversations of a stage to measure on. */
const TEST_CONVERSATIONS = 64;

/** Settings of both stages; each conversation is read once. */
const SETTINGS = [
  ...["--full", "--batch-size", "32", "--lr-scheduler", "cosine", "--assistant-only-loss"],
  ...["--save-every", "0", "--device", "wasm", "--no-dataset-cache"],
];

/** Factor of the first weights that write into the residual stream, which embeddings begin. */
const BRANCH_SCALE = 0.2;

/** Draws a stage's conversations, by split. */
export function drawConversations(stage: number): Record<"train" | "test", Message[][]> {
  const { seed, add, conversations } = STAGES[stage];
  const random = new Random(seed);
  const draw = (count: number) =>
    Array.from({ length: count }, () => drawConversation(random, add));
  return { train: draw(conversations), test: draw(TEST_CONVERSATIONS) };
}

/** Texts of the files that training starts from and leaves as they are, by their names. */
export function companionFiles(conversations: readonly Message[][]): Record<string, string> {
  const contents = {
    "config.json": CONFIG,
    "generation_config.json": GENERATION_CONFIG,
    "tokenizer.json": tokenizerJson(conversations, CONFIG.vocab_size),
    "tokenizer_config.json": tokenizerConfig(CONFIG.max_position_embeddings),
  };
  return Object.fromEntries(
    Object.entries(contents).map(([name, content]) => [
      name,
      JSON.stringify(content, null, 1) + "\n",
    ]),
  );
}

/**
 * Texts of the files of demo/additions, by their names: prompts in TRL's format with the right results,
 * those of the test split kept from the model's training.
 */
export function additionFiles(): Record<string, string> {
  const random = new Random(1);
  const split = (heldOut: boolean) =>
    listAdditions(random, heldOut).map((sum) => {
      const prompt = [{ role: "user", content: `What is ${sum.a} + ${sum.b}?` }];
      return JSON.stringify({ prompt, answer: `${sumOf(sum)}` }) + "\n";
    }).join("");
  return { "train.jsonl": split(false), "test.jsonl": split(true) };
}

/** Writes random weights. */
async function writeRandomWeights(path: string): Promise<void> {
  const device = await openDevice({ device: "wasm", threads: 1 });
  const build = modelFamily(CONFIG, "config.json").configure(CONFIG, "config.json");
  const weights = modelWeights(device, build);
  device.close();
  const random = new RandomSource(0);
  const tensors = new Map<string, TensorData>();
  for (const { name, shape } of weights) {
    const scale = /\.(o_proj|down_proj)\./.test(name) ? BRANCH_SCALE : 1;
    const values = random.read(name, shape).map((value) => scale * value);
    tensors.set(name, { dtype: "F32", shape, data: values });
  }
  await writeSafetensors(path, tensors);
}

/** Writes the weights of a model in half the bytes. */
async function writeBf16(from: string, to: string): Promise<void> {
  using file = openTensorFile(from);
  const tensors = new Map<string, TensorData>();
  for (const { name, shape } of file.tensors.values()) {
    tensors.set(name, { dtype: "BF16", shape, data: toBf16(file.readFloats(name)) });
  }
  await writeSafetensors(to, tensors);
}

/** Trains the model in a folder on a stage's conversations, in place. */
async function train(folder: string, stage: number, options: readonly string[]): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "temper-demo-chat-" });
  const [data, output] = [join(work, "data"), join(work, "run")];
  try {
    await Deno.mkdir(data);
    for (const [split, list] of Object.entries(drawConversations(stage))) {
      const lines = list.map((messages) => JSON.stringify({ messages }) + "\n");
      await Deno.writeTextFile(join(data, `${split}.jsonl`), lines.join(""));
    }
    const { rate, warmup } = STAGES[stage];
    const files = ["--model", folder, "--dataset", data, "--output", output];
    const schedule = ["--learning-rate", rate, "--warmup-steps", warmup];
    const code = await main(["sft", ...files, ...schedule, ...SETTINGS, ...options]);
    if (code !== 0) Deno.exit(code);
    await writeBf16(join(output, "model/model.safetensors"), join(folder, "model.safetensors"));
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Makes the model. */
async function makeDemoChat(folder: string, options: readonly string[]): Promise<void> {
  const additions = join(folder, "../additions");
  for (const path of [folder, additions]) await Deno.mkdir(path, { recursive: true });
  const conversations = Object.values(drawConversations(0)).flat();
  for (const [name, text] of Object.entries(companionFiles(conversations))) {
    await Deno.writeTextFile(join(folder, name), text);
  }
  for (const [name, text] of Object.entries(additionFiles())) {
    await Deno.writeTextFile(join(additions, name), text);
  }
  await writeRandomWeights(join(folder, "model.safetensors"));
  for (const stage of STAGES.keys()) await train(folder, stage, options);
}

if (import.meta.main) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { threads: { type: "string" } },
  });
  const options = values.threads === undefined ? [] : ["--threads", values.threads];
  await makeDemoChat(positionals[0] ?? "demo/tiny-chat", options);
}
