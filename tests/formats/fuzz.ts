/** Gives the readers of files mutated files: what they throw is a UserError, quickly, in little memory. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { UserError } from "../../lib/errors.ts";
import { Checkpoint, openTensorFile } from "../../lib/formats/checkpoint.ts";
import { readJsonIfThere } from "../../lib/formats/hf_config.ts";
import { FolderFiles } from "../../lib/formats/model_files.ts";
import { readPeftAdapter } from "../../lib/formats/peft.ts";
import { writeSafetensors } from "../../lib/formats/safetensors.ts";
import type { TensorData } from "../../lib/formats/tensor_file.ts";
import { writeTorchFile } from "../../lib/formats/torch_bin_writer.ts";
import { parseEncoderConfig } from "../../lib/models/encoder_config.ts";
import { modelFamily } from "../../lib/models/registry.ts";
import { Random } from "../../lib/random.ts";
import { mutate, mutateJson } from "./mutate.ts";

/** What a reader made of its files. */
export interface FuzzResult {
  reader: string;
  files: number;
  /** Those that were refused with a UserError. */
  refused: number;
  /** The largest growth of the process's memory. */
  peakBytes: number;
}

/** A reader, and the small file that is mutated for it. */
interface Target {
  reader: string;
  /** Name of the mutated file in the folder. */
  file: string;
  original: Uint8Array;
  read(dir: string): Promise<void>;
}

/** A mutated file of a few KiB that takes longer has found a loop, however busy the machine is. */
const MAX_MILLISECONDS = 60_000;
/** Nor make the process grow by more; what is not collected yet counts. */
const MAX_BYTES = 1 << 30;

const TENSORS = new Map<string, TensorData>([
  ["base_model.model.q.lora_A.weight", { dtype: "F32", shape: [2, 3], data: new Float32Array(6) }],
  ["base_model.model.q.lora_B.weight", { dtype: "F16", shape: [4, 2], data: new Uint16Array(8) }],
]);

/**
 * Gives each reader `count` mutated files, in a process that does nothing else: its memory is watched.
 *
 * @throws Error naming the reader and the round, the mutated file kept, when anything but a UserError is
 * thrown, or a file takes too long or too much memory
 */
export async function* fuzzReaders(count: number, seed: number): AsyncGenerator<FuzzResult> {
  const root = await Deno.makeTempDir({ prefix: "temper-fuzz-" });
  for (const target of await targets(root)) yield await fuzz(target, root, count, seed);
  await Deno.remove(root, { recursive: true });
}

async function fuzz(
  { reader, file, original, read }: Target,
  root: string,
  count: number,
  seed: number,
): Promise<FuzzResult> {
  const dir = join(root, reader.replaceAll(" ", "-"));
  await read(dir);
  const random = new Random(seed);
  const start = Deno.memoryUsage().rss;
  let [refused, peakBytes] = [0, 0];
  for (let round = 0; round < count; round++) {
    // Every other JSON file stays JSON, so that what reads its values is reached.
    const change = file.endsWith(".json") && round % 2 > 0 ? mutateJson : mutate;
    Deno.writeFileSync(join(dir, file), change(original, random));
    const started = performance.now();
    const fail = (what: unknown) => {
      const kept = `the file is in ${join(dir, file)}`;
      return new Error(`${reader}, round ${round} of seed ${seed}: ${what} (${kept})`, {
        cause: what,
      });
    };
    try {
      await read(dir);
    } catch (error) {
      if (!(error instanceof UserError)) throw fail(error);
      if (error.message.includes("\n")) throw fail(`a message of several lines: ${error.message}`);
      refused++;
    }
    const elapsed = performance.now() - started;
    if (elapsed > MAX_MILLISECONDS) throw fail(`took ${elapsed.toFixed(0)} ms`);
    peakBytes = Math.max(peakBytes, Deno.memoryUsage().rss - start);
    if (peakBytes > MAX_BYTES) throw fail(`memory grew by ${peakBytes} bytes`);
  }
  return { reader, files: count, refused, peakBytes };
}

/** Prepares a folder for each reader. */
async function targets(root: string): Promise<Target[]> {
  const config = { peft_type: "LORA", r: 2, lora_alpha: 2, target_modules: ["q"] };
  const target = async (
    reader: string,
    file: string,
    prepare: (dir: string) => void | Promise<void>,
    read: Target["read"],
  ): Promise<Target> => {
    const dir = join(root, reader.replaceAll(" ", "-"));
    Deno.mkdirSync(dir);
    await prepare(dir);
    return { reader, file, original: Deno.readFileSync(join(dir, file)), read };
  };
  const write = (name: string, contents: unknown) => (dir: string) => {
    const text = typeof contents === "string" ? contents : JSON.stringify(contents);
    Deno.writeTextFileSync(join(dir, name), text);
  };
  const adapter = (file: string, writer: typeof writeSafetensors) => async (dir: string) => {
    write("adapter_config.json", config)(dir);
    await writer(join(dir, file), TENSORS);
  };
  const index = { weight_map: { a: "model-1-of-2.safetensors", b: "model-2-of-2.safetensors" } };
  return [
    await target(
      "safetensors",
      "adapter_model.safetensors",
      adapter("adapter_model.safetensors", writeSafetensors),
      readAdapter("adapter_model.safetensors"),
    ),
    await target(
      "pickle",
      "adapter_model.bin",
      adapter("adapter_model.bin", writeTorchFile),
      readAdapter("adapter_model.bin"),
    ),
    await target("index", "model.safetensors.index.json", async (dir) => {
      const data = new Float32Array(1);
      for (const [name, file] of Object.entries(index.weight_map)) {
        await writeSafetensors(
          join(dir, file),
          new Map([[name, { dtype: "F32", shape: [1], data }]]),
        );
      }
      write("model.safetensors.index.json", index)(dir);
    }, async (dir) => {
      using checkpoint = await Checkpoint.open(dir);
      for (const name of checkpoint.files.keys()) checkpoint.readFloats(name);
    }),
    await target(
      "adapter_config.json",
      "adapter_config.json",
      adapter("adapter_model.bin", writeTorchFile),
      readAdapter("adapter_model.bin"),
    ),
    await target(
      "adapter_config.json with a pattern",
      "adapter_config.json",
      async (dir) => {
        await adapter("adapter_model.bin", writeTorchFile)(dir);
        write("adapter_config.json", { ...config, target_modules: "(?:.*\\.)?[a-q]+(q|v)?$" })(dir);
      },
      readAdapter("adapter_model.bin"),
    ),
    await target("config.json", "config.json", write("config.json", SMALL_CONFIG), async (dir) => {
      const files = new FolderFiles(dir);
      const json = await files.requiredJson("config.json", "model");
      const path = files.pathOf("config.json");
      modelFamily(json, path).configure(json, path);
    }),
    await target(
      "config.json of a classifier",
      "config.json",
      write("config.json", SMALL_CLASSIFIER),
      async (dir) => {
        parseEncoderConfig(await readJsonIfThere(dir, "config.json"), join(dir, "config.json"));
      },
    ),
    await target("tokenizer.json with a pattern", "tokenizer.json", (dir) => {
      const pattern = { Regex: "(?:a+|x)y*| {2,}" };
      const split = { type: "Split", pattern, behavior: "Isolated", invert: false };
      write("tokenizer.json", { ...SMALL_T5, pre_tokenizer: split })(dir);
    }, tokenize),
    await target("tokenizer.json", "tokenizer.json", write("tokenizer.json", SMALL_T5), tokenize),
    await target("spiece.model", "spiece.model", smallSentencePiece, tokenize),
    await target("vocab.json", "vocab.json", (dir) => {
      write("merges.txt", "#version: 0.2\nt h\nth e\n")(dir);
      write("vocab.json", SMALL_VOCAB)(dir);
    }, tokenize),
    await target("merges.txt", "merges.txt", (dir) => {
      write("merges.txt", "#version: 0.2\nt h\nth e\n")(dir);
      write("vocab.json", SMALL_VOCAB)(dir);
    }, tokenize),
  ];
}

/** Reads every tensor of a file, and the adapter that it should be. */
function readAdapter(name: string): Target["read"] {
  return async (dir) => {
    {
      using file = openTensorFile(join(dir, name));
      for (const tensor of file.tensors.keys()) file.readBytes(tensor);
    }
    await readPeftAdapter(dir);
  };
}

async function tokenize(dir: string): Promise<void> {
  const { warn } = console;
  // The library warns of some patterns that it does not know.
  console.warn = () => {};
  try {
    const tokenizer = await Tokenizer.load(dir);
    const ids = tokenizer.encode("The <pad> then</s> tté ▁ \u0000\u{1f600}");
    tokenizer.decode(ids, { skipSpecialTokens: true });
  } finally {
    console.warn = warn;
  }
}

const SMALL_VOCAB = {
  ...{ "<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4 },
  ...{ t: 5, h: 6, e: 7, th: 8, the: 9, "Ġ": 10 },
};

const SMALL_CONFIG = {
  ...{ model_type: "t5", vocab_size: 8, d_model: 4, d_kv: 2, d_ff: 8, num_layers: 1, num_heads: 2 },
  ...{ num_decoder_layers: 1, feed_forward_proj: "gated-gelu", layer_norm_epsilon: 1e-6 },
  ...{ relative_attention_num_buckets: 32, relative_attention_max_distance: 128 },
  ...{ dropout_rate: 0.1, tie_word_embeddings: false, pad_token_id: 0, eos_token_id: 1 },
  decoder_start_token_id: 0,
};

const SMALL_CLASSIFIER = {
  ...{ model_type: "roberta", vocab_size: 8, hidden_size: 4, num_hidden_layers: 1 },
  ...{ num_attention_heads: 2, intermediate_size: 8, max_position_embeddings: 10 },
  ...{ layer_norm_eps: 1e-5, hidden_act: "gelu", pad_token_id: 1, id2label: { 0: "a", 1: "b" } },
};

const METASPACE = { type: "Metaspace", replacement: "▁", add_prefix_space: true };
const SMALL_T5 = {
  added_tokens: [
    { id: 0, content: "<pad>", special: true, normalized: false, lstrip: true, rstrip: true },
    { id: 1, content: "</s>", special: true, normalized: false, lstrip: true },
  ],
  normalizer: {
    type: "Sequence",
    normalizers: [
      { type: "Precompiled", precompiled_charsmap: "AAAA" },
      { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
      { type: "Prepend", prepend: "▁" },
    ],
  },
  pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, METASPACE] },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "</s>", type_id: 0 } }],
    special_tokens: { "</s>": { id: "</s>", ids: [1], tokens: ["</s>"] } },
  },
  decoder: METASPACE,
  model: {
    type: "Unigram",
    unk_id: 2,
    vocab: [["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["▁", -2], ["th", -3], ["▁the", -4], [
      "t",
      -5,
    ]],
  },
};

/** The head of the fixture's model: its first pieces and no more. */
function smallSentencePiece(dir: string): void {
  const path = new URL("../fixtures/tiny-flan-t5/spiece.model", import.meta.url);
  const bytes = Deno.readFileSync(fileURLToPath(path));
  let end = 0;
  // Each piece is a field 1 of fewer than 128 bytes.
  for (let piece = 0; piece < 40; piece++) end += 2 + bytes[end + 1];
  Deno.writeFileSync(join(dir, "spiece.model"), bytes.subarray(0, end));
}
