import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  readPeftAdapter,
  readValueHead,
  writePeftAdapter,
  writeValueHead,
} from "../../lib/formats/peft.ts";
import { PEFT_KEYS } from "../../lib/formats/peft_keys.ts";
import { SafetensorsFile, writeSafetensors } from "../../lib/formats/safetensors.ts";
import type { TensorData } from "../../lib/formats/tensor_file.ts";
import { TorchFile } from "../../lib/formats/torch_bin.ts";
import { writeTorchFile } from "../../lib/formats/torch_bin_writer.ts";
import { withTempDir } from "../temp_dir.ts";

const ADAPTER = fileURLToPath(new URL("../golden/cases/adapter", import.meta.url));
const Q = "decoder.block.0.layer.0.SelfAttention.q";

/** The golden adapter's configuration with some keys replaced; undefined leaves one out. */
function writeConfig(dir: string, changes: Record<string, unknown>): void {
  const config = JSON.parse(Deno.readTextFileSync(join(ADAPTER, "adapter_config.json")));
  Deno.writeTextFileSync(
    join(dir, "adapter_config.json"),
    JSON.stringify({ ...config, ...changes }),
  );
}

Deno.test("PEFT's own adapter is read", async () => {
  const { config, tensors } = await readPeftAdapter(ADAPTER);
  assert.deepEqual(config, {
    taskType: "SEQ_2_SEQ_LM",
    r: 8,
    loraAlpha: 16,
    loraDropout: 0,
    targetModules: ["q", "v"],
    baseModel: "tiny-flan-t5",
  });
  assert.equal(tensors.size, 24);
  assert.deepEqual(tensors.get(`${Q}.lora_A.weight`)?.shape, [8, 128]);
  assert.deepEqual(tensors.get(`${Q}.lora_B.weight`)?.shape, [128, 8]);
});

Deno.test("written again it has the same keys, shapes and bytes", async () => {
  await withTempDir(async (dir) => {
    const copy = join(dir, "made", "adapter");
    await writePeftAdapter(copy, await readPeftAdapter(ADAPTER));
    const config = (folder: string) =>
      JSON.parse(Deno.readTextFileSync(join(folder, "adapter_config.json")));
    assert.deepEqual(config(copy), config(ADAPTER));
    assert.deepEqual(Object.keys(config(copy)), Object.keys(config(ADAPTER)));

    using written = SafetensorsFile.open(join(copy, "adapter_model.safetensors"));
    using original = SafetensorsFile.open(join(ADAPTER, "adapter_model.safetensors"));
    assert.deepEqual([...written.tensors.keys()], [...original.tensors.keys()]);
    for (const { name, shape, dtype } of original.tensors.values()) {
      assert.deepEqual(written.info(name).shape, shape);
      assert.equal(written.info(name).dtype, dtype);
      assert.deepEqual(written.readBytes(name), original.readBytes(name));
    }
  });
});

Deno.test("as .bin it is PEFT's own file, byte for byte, and read back", async () => {
  await withTempDir(async (dir) => {
    const adapter = await readPeftAdapter(ADAPTER);
    // PEFT's order is that of the model, which its .bin keeps.
    using original = TorchFile.open(join(ADAPTER, "adapter_model.bin"));
    const names = [...original.tensors.keys()].map((name) => name.replace("base_model.model.", ""));
    const tensors = new Map(names.map((name) => [name, adapter.tensors.get(name)!]));
    await writePeftAdapter(dir, adapter);
    await writePeftAdapter(dir, { ...adapter, tensors }, "bin");
    const files = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
    assert.deepEqual(files, ["adapter_config.json", "adapter_model.bin"]);
    const read = (folder: string) => Deno.readFileSync(join(folder, "adapter_model.bin"));
    assert.ok(Buffer.compare(read(dir), read(ADAPTER)) === 0);
    assert.deepEqual((await readPeftAdapter(dir)).tensors, tensors);

    await writePeftAdapter(dir, adapter);
    assert.ok(![...Deno.readDirSync(dir)].some(({ name }) => name === "adapter_model.bin"));
  });
});

const CONFIGS: [Record<string, unknown>, RegExp][] = [
  [{ peft_type: "PREFIX_TUNING" }, /peft_type is "PREFIX_TUNING", not supported/],
  [{ task_type: "FEATURE_EXTRACTION" }, /task_type is "FEATURE_EXTRACTION", not supported/],
  [{ rank_pattern: { q: 0 } }, /rank_pattern is \{"q":0\}, not supported/],
  [{ rank_pattern: { q: 4 } }, /tensor ".*q\.lora_A\.weight" has shape \[8,128\], .* for r 4$/],
  [{ alpha_pattern: { "(": 4 } }, /alpha_pattern: the pattern "\(" cannot be read: Unterminated/],
  [{ alpha_pattern: { q: -1 } }, /alpha_pattern is \{"q":-1\}, not supported/],
  [{ exclude_modules: ["v"] }, /has the tensor ".*\.v\..*", but target_modules/],
  [{ layers_to_transform: 1 }, /has the tensor ".*", but target_modules/],
  [
    { target_modules: ".*q", layers_to_transform: 1 },
    /layers_to_transform goes with target_modules by name, not with a pattern/,
  ],
  [{ r: 0 }, /r is 0, not supported/],
  [{ lora_alpha: undefined }, /lora_alpha is missing, not supported/],
  [{ target_modules: 7 }, /target_modules is 7, not supported/],
  [{ target_modules: "" }, /target_modules is "", not supported/],
  [
    { target_modules: "*q" },
    /_config\.json: target_modules: the pattern "\*q" cannot be read: Nothing to repeat/,
  ],
  [
    { target_modules: "decoder.*q" },
    /has the tensor ".*", but target_modules in adapter_config\.json are decoder\.\*q$/,
  ],
  [{ bias: "all" }, /bias is "all", not supported/],
  [{ modules_to_save: ["lm_head"] }, /"modules_to_save" is \["lm_head"\]: .* SEQ_CLS alone/],
  [{ use_dora: true }, /"use_dora" is true: it changes what is computed/],
  [
    { alora_invocation_tokens: [5, 6] },
    /"alora_invocation_tokens" is \[5,6\]: it changes .* Temper does not implement it$/,
  ],
  [{ arrow_config: { top_k: 2 } }, /"arrow_config" is \{"top_k":2\}: it changes/],
  [{ use_bdlora: { nblocks: 2 } }, /"use_bdlora" is \{"nblocks":2\}: it changes/],
  [{ monteclora_config: { num_samples: 8 } }, /"monteclora_config" is .*: it changes/],
  [{ kasa_config: { beta: 1 } }, /"kasa_config" is \{"beta":1\}: it changes/],
  [{ layer_replication: [[0, 2]] }, /"layer_replication" is \[\[0,2\]\]: it changes/],
  [{ trainable_token_indices: [1] }, /"trainable_token_indices" is \[1\]: it changes/],
  [{ use_tomorrow: 2 }, /"use_tomorrow" is 2, a setting that Temper does not know for an adapter/],
  ...["pissa", "pissa_niter_16", "olora", "corda", "loftq", "lora_ga", "tomorrow"].map(
    (start): [Record<string, unknown>, RegExp] => [
      { init_lora_weights: start },
      new RegExp(`"init_lora_weights" is "${start}", so the adapter fits base weights that .*PEFT`),
    ],
  ),
];
for (const [changes, message] of CONFIGS) {
  Deno.test(`refused: ${JSON.stringify(changes)}`, async () => {
    await withTempDir(async (dir) => {
      writeConfig(dir, changes);
      const weights = "adapter_model.safetensors";
      Deno.copyFileSync(join(ADAPTER, weights), join(dir, weights));
      await assert.rejects(readPeftAdapter(dir), { name: "UserError", message });
    });
  });
}

Deno.test("target_modules may be a pattern, and stays one", async () => {
  await withTempDir(async (dir) => {
    const pattern = ".*(SelfAttention|EncDecAttention)\\.[qv]$";
    writeConfig(dir, { target_modules: pattern });
    const weights = "adapter_model.safetensors";
    Deno.copyFileSync(join(ADAPTER, weights), join(dir, weights));
    const adapter = await readPeftAdapter(dir);
    assert.equal(adapter.tensors.size, 24);
    assert.equal(adapter.config.targetModules, pattern);
    const copy = join(dir, "copy");
    await writePeftAdapter(copy, adapter);
    assert.deepEqual(await readPeftAdapter(copy), adapter);
  });
});

Deno.test("keys of later PEFT versions that are unset are accepted", async () => {
  await withTempDir(async (dir) => {
    writeConfig(dir, {
      use_dora: false,
      rank_pattern: {},
      layers_to_transform: null,
      revision: "x",
      use_tomorrow: {},
      kasa_config: null,
      megatron_core: "megatron.core",
      qalora_group_size: 16,
      // After its conversion to a plain LoRA an adapter keeps these, and PEFT ignores them.
      corda_config: { corda_method: "ipm" },
      loftq_config: { loftq_bits: 4 },
    });
    Deno.copyFileSync(
      join(ADAPTER, "adapter_model.safetensors"),
      join(dir, "adapter_model.safetensors"),
    );
    assert.equal((await readPeftAdapter(dir)).tensors.size, 24);
  });
});

for (const start of [true, false, null, "gaussian", "eva", "orthogonal", "mica"]) {
  Deno.test(`init_lora_weights ${start} leaves the base as it is, and is accepted`, async () => {
    await withTempDir(async (dir) => {
      writeConfig(dir, { init_lora_weights: start });
      const weights = "adapter_model.safetensors";
      Deno.copyFileSync(join(ADAPTER, weights), join(dir, weights));
      assert.equal((await readPeftAdapter(dir)).tensors.size, 24);
    });
  });
}

/** Zeros of a shape. */
function zeros(...shape: number[]): TensorData {
  return { dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b)) };
}

/** Writes a folder with a configuration and tensors, each named without PEFT's prefix. */
async function writeAdapter(
  dir: string,
  changes: Record<string, unknown>,
  tensors: Record<string, TensorData>,
): Promise<void> {
  writeConfig(dir, changes);
  const named = Object.entries(tensors).map(([name, tensor]) =>
    [`base_model.model.${name}`, tensor] as const
  );
  await writeSafetensors(join(dir, "adapter_model.safetensors"), new Map(named));
}

Deno.test("ranks and alphas of single layers, blocks, excluded layers: read and written again", async () => {
  await withTempDir(async (dir) => {
    const changes = {
      r: 4,
      use_rslora: true,
      fan_in_fan_out: true,
      target_modules: ["q", "v"],
      rank_pattern: { "block.0.layer.0.SelfAttention.q": 2 },
      alpha_pattern: { q: 3, ".*v": 5 },
      exclude_modules: ["EncDecAttention.v"],
      layers_to_transform: [0, 1],
      layers_pattern: "block",
    };
    const names = [0, 1].flatMap((i) =>
      ["q", "v"].map((part) => `decoder.block.${i}.layer.0.SelfAttention.${part}`)
    );
    const tensors = names.flatMap((name) => {
      const r = name === Q ? 2 : 4;
      return [[`${name}.lora_A.weight`, zeros(r, 6)], [`${name}.lora_B.weight`, zeros(5, r)]];
    });
    await writeAdapter(dir, changes, Object.fromEntries(tensors));
    const adapter = await readPeftAdapter(dir);
    assert.deepEqual(adapter.config, {
      taskType: "SEQ_2_SEQ_LM",
      r: 4,
      loraAlpha: 16,
      loraDropout: 0,
      targetModules: ["q", "v"],
      baseModel: "tiny-flan-t5",
      fanInFanOut: true,
      useRslora: true,
      rankPattern: { "block.0.layer.0.SelfAttention.q": 2 },
      alphaPattern: { q: 3, ".*v": 5 },
      excludeModules: ["EncDecAttention.v"],
      layersToTransform: [0, 1],
      layersPattern: "block",
    });
    assert.equal(adapter.tensors.size, 8);
    const copy = join(dir, "copy");
    await writePeftAdapter(copy, adapter);
    assert.deepEqual(await readPeftAdapter(copy), adapter);
    const written = JSON.parse(Deno.readTextFileSync(join(copy, "adapter_config.json")));
    for (const [key, value] of Object.entries(changes)) assert.deepEqual(written[key], value, key);
  });
});

Deno.test("a classifier's adapter has its head beside the updates; another's head is refused", async () => {
  await withTempDir(async (dir) => {
    const head = { dtype: "F32", shape: [1, 2], data: Float32Array.of(3, 4) } as const;
    const changes = { task_type: "SEQ_CLS", modules_to_save: ["classifier", "score"] };
    await writeAdapter(dir, { ...changes, target_modules: ["q"] }, {
      [`${Q}.lora_A.weight`]: zeros(8, 2),
      [`${Q}.lora_B.weight`]: zeros(2, 8),
      "score.weight": head,
      "classifier.dense.bias": zeros(2),
      // DistilBERT's, whose name ends alike.
      "pre_classifier.bias": zeros(2),
    });
    const adapter = await readPeftAdapter(dir);
    assert.deepEqual(adapter.config.modulesToSave, ["classifier", "score"]);
    assert.deepEqual([...adapter.tensors.keys()], [`${Q}.lora_A.weight`, `${Q}.lora_B.weight`]);
    assert.deepEqual([...adapter.replaced!.keys()], [
      "classifier.dense.bias",
      "pre_classifier.bias",
      "score.weight",
    ]);
    assert.deepEqual(adapter.replaced!.get("score.weight"), { shape: [1, 2], data: head.data });
    const copy = join(dir, "copy");
    await writePeftAdapter(copy, adapter);
    assert.deepEqual(await readPeftAdapter(copy), adapter);

    writeConfig(dir, { ...changes, modules_to_save: null, target_modules: ["q"] });
    await assert.rejects(
      readPeftAdapter(dir),
      /has the tensor "base_model.model.classifier.dense.bias", expected only/,
    );
  });
});

const OUTSIDE: [tensor: string, subject: string][] = [
  ["lm_head.lora_A.weight", 'the output head, "lm_head"'],
  ["lm_head.weight", 'the output head, "lm_head"'],
  ["model.embed_tokens.lora_embedding_A", 'the embedding, "model.embed_tokens"'],
  ["model.embed_tokens.weight", 'the embedding, "model.embed_tokens"'],
  ["transformer.wte.lora_embedding_B", 'the embedding, "transformer.wte"'],
  ["shared.lora_embedding_A", 'the embedding, "shared"'],
];
for (const [tensor, subject] of OUTSIDE) {
  Deno.test(`refused by name: ${tensor}`, async () => {
    await withTempDir(async (dir) => {
      const [module] = tensor.split(/\.lora_|\.weight/);
      await writeAdapter(dir, { target_modules: ["q", module] }, { [tensor]: zeros(8, 2) });
      await assert.rejects(readPeftAdapter(dir), {
        name: "UserError",
        message: new RegExp(
          `has the tensor "base_model.model.${tensor}" of ${subject}, which Temper does not adapt`,
        ),
      });
    });
  });
}

Deno.test("all-linear in a file passes every layer", async () => {
  await withTempDir(async (dir) => {
    writeConfig(dir, { target_modules: "all-linear" });
    const weights = "adapter_model.safetensors";
    Deno.copyFileSync(join(ADAPTER, weights), join(dir, weights));
    assert.equal((await readPeftAdapter(dir)).tensors.size, 24);
  });
});

Deno.test("tensors that do not fit the configuration are refused by name", async () => {
  await withTempDir(async (dir) => {
    writeConfig(dir, { r: 2 });
    const a = `base_model.model.${Q}.lora_A.weight`;
    const b = `base_model.model.${Q}.lora_B.weight`;
    const refused = async (tensors: Record<string, TensorData>, message: RegExp) => {
      await writeSafetensors(
        join(dir, "adapter_model.safetensors"),
        new Map(Object.entries(tensors)),
      );
      await assert.rejects(readPeftAdapter(dir), { name: "UserError", message });
    };
    await refused({ [a]: zeros(2, 3) }, /has ".*q\.lora_A\.weight" but not ".*q\.lora_B\.weight"/);
    await refused({ [a]: zeros(3, 3), [b]: zeros(3, 2) }, /has shape \[3,3\], expected \[2, in\]/);
    await refused({ [a]: zeros(2, 3), [b]: zeros(3, 3) }, /has shape \[3,3\], expected \[out, 2\]/);
    await refused({ "q.weight": zeros(2, 2) }, /has the tensor "q\.weight", expected only/);
    await refused(
      { [a.replace(".q.", ".k.")]: zeros(2, 3) },
      /SelfAttention\.k\.lora_A\.weight", but target_modules .* are q, v/,
    );
  });
});

Deno.test("missing files are named", async () => {
  await withTempDir(async (dir) => {
    await assert.rejects(readPeftAdapter(dir), /is not a PEFT adapter's folder/);
    writeConfig(dir, {});
    await assert.rejects(
      readPeftAdapter(dir),
      /cannot read .*adapter_model\.safetensors: it does not exist/,
    );
  });
});

Deno.test("the value head is written and read back, under TRL's names", async () => {
  await withTempDir(async (dir) => {
    assert.equal(await readValueHead(dir), null);
    const head = { weight: Float32Array.of(0.5, -1, 2), bias: 0.25 };
    await writeValueHead(dir, head);
    assert.deepEqual(await readValueHead(dir), head);

    using file = SafetensorsFile.open(join(dir, "value_head.safetensors"));
    assert.deepEqual(file.info("v_head.summary.weight").shape, [1, 3]);
    assert.deepEqual(file.info("v_head.summary.bias").shape, [1]);
  });
});

Deno.test("a value head as .bin is TRL's pytorch_model.bin", async () => {
  await withTempDir(async (dir) => {
    await writeValueHead(dir, { weight: Float32Array.of(9), bias: 9 });
    const head = { weight: Float32Array.of(0.5, -1, 2), bias: 0.25 };
    await writeValueHead(dir, head, "bin");
    assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["pytorch_model.bin"]);
    assert.deepEqual(await readValueHead(dir), head);
    using file = TorchFile.open(join(dir, "pytorch_model.bin"));
    assert.deepEqual([...file.tensors.keys()], ["v_head.summary.weight", "v_head.summary.bias"]);
  });
});

Deno.test("a pytorch_model.bin of a model without value head is no value head", async () => {
  await withTempDir(async (dir) => {
    await writeTorchFile(
      join(dir, "pytorch_model.bin"),
      new Map([["shared.weight", { dtype: "F32", shape: [1], data: Float32Array.of(1) }]]),
    );
    assert.equal(await readValueHead(dir), null);
  });
});

Deno.test("a value head of another form is refused", async () => {
  await withTempDir(async (dir) => {
    const weight: TensorData = { dtype: "F32", shape: [3], data: new Float32Array(3) };
    const bias: TensorData = { dtype: "F32", shape: [1], data: new Float32Array(1) };
    const path = join(dir, "value_head.safetensors");
    await writeSafetensors(path, new Map([["v_head.summary.weight", weight]]));
    await assert.rejects(readValueHead(dir), /has no tensor "v_head\.summary\.bias"/);
    await writeSafetensors(
      path,
      new Map([["v_head.summary.weight", weight], ["v_head.summary.bias", bias]]),
    );
    await assert.rejects(readValueHead(dir), /weight is \[3\] and bias \[1\], expected/);
  });
});

Deno.test("a folder that cannot be made is named", async () => {
  await withTempDir(async (dir) => {
    Deno.writeTextFileSync(join(dir, "file"), "");
    await assert.rejects(
      writeValueHead(join(dir, "file", "adapter"), { weight: Float32Array.of(1), bias: 0 }),
      { name: "UserError", message: /cannot make the folder .*: a part of the path is a file/ },
    );
  });
});

/** Fields of LoraConfig and its bases in PEFT 0.21.0. */
const FIELDS_OF_0_21 = [
  ...["task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path"],
  ...["revision", "inference_mode", "r", "target_modules", "exclude_modules", "lora_alpha"],
  ...["lora_dropout", "fan_in_fan_out", "bias", "use_rslora", "modules_to_save"],
  ...["init_lora_weights", "layers_to_transform", "layers_pattern", "rank_pattern"],
  ...["alpha_pattern", "megatron_config", "megatron_core", "trainable_token_indices"],
  ...["loftq_config", "eva_config", "corda_config", "lora_ga_config", "use_dora"],
  ...["velora_config", "alora_invocation_tokens", "use_qalora", "qalora_group_size"],
  ...["monteclora_config", "layer_replication", "runtime_config", "lora_bias"],
  ...["target_parameters", "use_bdlora", "arrow_config", "kasa_config", "ensure_weight_tying"],
];

Deno.test("the table of keys has each field of PEFT 0.21 in one place", () => {
  const { read = [], harmless = [], neutral = {} } = PEFT_KEYS;
  const known = [...read, ...harmless, ...Object.keys(neutral)];
  assert.equal(new Set(known).size, known.length);
  assert.deepEqual(FIELDS_OF_0_21.filter((field) => !known.includes(field)), []);
  // Of PEFT before 0.3.
  const old = ["merge_weights", "enable_lora"];
  assert.deepEqual(known.filter((key) => !FIELDS_OF_0_21.includes(key)).sort(), old.sort());
});
