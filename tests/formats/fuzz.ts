/** Gives the readers of files mutated files: what they throw is a UserError, quickly, in little memory. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode, type Messages } from "../../lib/cluster/messages.ts";
import { ChatTemplate } from "../../lib/data/chat_template.ts";
import { type DatasetSplit, loadDataset } from "../../lib/data/dataset.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { UserError } from "../../lib/errors.ts";
import { Checkpoint, openTensorFile } from "../../lib/formats/checkpoint.ts";
import { readJsonIfThere } from "../../lib/formats/hf_config.ts";
import { FolderFiles } from "../../lib/formats/model_files.ts";
import { readPeftAdapter } from "../../lib/formats/peft.ts";
import { writeSafetensors } from "../../lib/formats/safetensors.ts";
import type { TensorData } from "../../lib/formats/tensor_file.ts";
import { writeTorchFile } from "../../lib/formats/torch_bin_writer.ts";
import { withGenerationTokens } from "../../lib/models/generation_file.ts";
import { parseEncoderConfig } from "../../lib/models/encoder_config.ts";
import { modelFamily } from "../../lib/models/registry.ts";
import { Random } from "../../lib/random.ts";
import { demoModelDir } from "../demo_model.ts";
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
  /** Share of the files that it is given: below 1 for a reader that starts a thread for each. */
  share: number;
  read(dir: string): Promise<void>;
}

/** Start of a file, for what ends a reader that hangs. */
export type FuzzProgress = (reader: string, file: string) => void;

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
export async function* fuzzReaders(
  count: number,
  seed: number,
  progress: FuzzProgress = () => {},
): AsyncGenerator<FuzzResult> {
  const root = await Deno.makeTempDir({ prefix: "temper-fuzz-" });
  for (const target of await targets(root)) {
    const files = Math.ceil(count * target.share);
    yield await fuzz(target, root, files, seed, progress);
  }
  await Deno.remove(root, { recursive: true });
}

async function fuzz(
  { reader, file, original, read }: Target,
  root: string,
  count: number,
  seed: number,
  progress: FuzzProgress,
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
    progress(reader, join(dir, file));
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
    share = 1,
  ): Promise<Target> => {
    const dir = join(root, reader.replaceAll(" ", "-"));
    Deno.mkdirSync(dir);
    await prepare(dir);
    return { reader, file, original: Deno.readFileSync(join(dir, file)), share, read };
  };
  const write = (name: string, contents: unknown) => (dir: string) => {
    const text = typeof contents === "string" ? contents : JSON.stringify(contents);
    Deno.writeTextFileSync(join(dir, name), text);
  };
  const adapter = (file: string, writer: typeof writeSafetensors) => async (dir: string) => {
    write("adapter_config.json", config)(dir);
    await writer(join(dir, file), TENSORS);
  };
  const demoTokenizer = await Tokenizer.load(demoModelDir);
  const rows = async (dir: string, file: string, read: (train: DatasetSplit) => void) => {
    const dataset = await loadDataset(join(dir, file), demoTokenizer, { inputMinTextLength: 1 });
    read(dataset.split("train"));
  };
  const readPairs = (split: DatasetSplit) => {
    const pairs = split.pairs();
    for (let row = 0; row < pairs.length; row++) pairs.tokens(row);
  };
  const readAnswers = (split: DatasetSplit) => {
    const answers = split.answers();
    for (let row = 0; row < answers.length; row++) answers.tokens(row);
  };
  const message = <Kind extends keyof Messages>(kind: Kind, content: Messages[Kind]) =>
    target(`NATS message ${kind}`, `${kind}.json`, write(`${kind}.json`, content), (dir) => {
      // What is no message is passed over, not thrown.
      if (decode(kind, Deno.readFileSync(join(dir, `${kind}.json`)))) return Promise.resolve();
      return Promise.reject(new UserError("no message"));
    });
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
      "config.json of a decoder",
      "config.json",
      write("config.json", SMALL_DECODER),
      async (dir) => {
        const files = new FolderFiles(dir);
        const json = await files.requiredJson("config.json", "model");
        modelFamily(json, files.pathOf("config.json")).configure(json, files.pathOf("config.json"));
      },
    ),
    await target(
      "generation_config.json",
      "generation_config.json",
      write("generation_config.json", SMALL_GENERATION),
      async (dir) => {
        await withGenerationTokens(SMALL_DECODER, new FolderFiles(dir));
      },
    ),
    await target(
      "chat_template.jinja",
      "chat_template.jinja",
      write("chat_template.jinja", SMALL_TEMPLATE),
      async (dir) => {
        const template = await ChatTemplate.load(dir);
        template.render([{ role: "user", content: "Hi" }, { role: "assistant", content: "Ho" }]);
      },
      1 / 20,
    ),
    await target(
      "tokenizer_config.json with a template",
      "tokenizer_config.json",
      write("tokenizer_config.json", { chat_template: SMALL_TEMPLATE, eos_token: "</s>" }),
      async (dir) => {
        const template = await ChatTemplate.load(dir);
        template.render([{ role: "user", content: "Hi" }, { role: "assistant", content: "Ho" }]);
      },
      1 / 20,
    ),
    await target(
      "preferences as JSON",
      "pairs.json",
      write("pairs.json", SMALL_PAIRS),
      (dir) => rows(dir, "pairs.json", readPairs),
    ),
    await target("preferences as CSV", "pairs.csv", (dir) => {
      const csv = SMALL_PAIRS.map((row) => Object.values(row).map((text) => `"${text}"`).join(","));
      write("pairs.csv", ["prompt,chosen,rejected", ...csv].join("\n"))(dir);
    }, (dir) => rows(dir, "pairs.csv", readPairs)),
    await target(
      "answers with labels",
      "answers.json",
      write(
        "answers.json",
        SMALL_PAIRS.map(({ prompt, chosen }, i) => ({
          prompt,
          completion: chosen,
          label: i % 2 > 0,
        })),
      ),
      (dir) => rows(dir, "answers.json", readAnswers),
    ),
    await message("work", {
      step: 1,
      prompt: 0,
      policy: "0".repeat(64),
      text: "Hi",
      tokens: [3, 1],
      columns: { answer: "4" },
      firstRollout: 0,
      responses: 2,
      maxNewTokens: 8,
    }),
    await message("result", {
      policy: "0".repeat(64),
      worker: "w",
      tokens: [3, 1],
      logprobs: [-0.5, -1],
      values: null,
      scores: { 0: 0.5 },
      seconds: 0.25,
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

const SMALL_DECODER = {
  ...{ model_type: "llama", vocab_size: 8, hidden_size: 4, intermediate_size: 8 },
  ...{ num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 1, head_dim: 2 },
  ...{ max_position_embeddings: 64, rms_norm_eps: 1e-5, rope_theta: 1e4, hidden_act: "silu" },
  ...{ tie_word_embeddings: true, bos_token_id: 1, eos_token_id: 2, attention_bias: false },
};

const SMALL_GENERATION = { eos_token_id: [2, 3], pad_token_id: 0, temperature: 0.7, top_p: 1 };

const SMALL_TEMPLATE =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message.content | trim }}" +
  "{% if loop.last and add_generation_prompt %}<|assistant|>{% endif %}{% endfor %}";

const SMALL_PAIRS = ["a", "b", "c", "d", "e", "f"].map((name) => ({
  prompt: `Who is ${name}?`,
  chosen: `${name} is a friend.`,
  rejected: "I don't know.",
}));

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
      { type: "Precompiled", precompiled_charsmap: "BAAAAAAAAAA=" },
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
