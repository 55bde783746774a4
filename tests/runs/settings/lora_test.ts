import assert from "node:assert/strict";
import { resolveTrainConfig, type TrainConfigInput } from "../../../lib/runs/settings/config.ts";
import { loraConfigOf } from "../../../lib/runs/settings/lora.ts";
import { resolveSftConfig } from "../../../lib/runs/settings/sft_config.ts";

const lora = (input: TrainConfigInput) => loraConfigOf(resolveTrainConfig(input));

Deno.test("a new adapter by default: the notebook's numbers, the family's layers", () => {
  assert.deepEqual(lora({}), { r: 32, loraAlpha: 32, loraDropout: 0.05, targetModules: null });
});

Deno.test("targets are names, or a text for all-linear and for a pattern, even divided at commas", () => {
  const targets = (...targetModules: string[]) => lora({ targetModules }).targetModules;
  assert.deepEqual(targets("q_proj", "layers.0.mlp.up_proj"), ["q_proj", "layers.0.mlp.up_proj"]);
  assert.equal(targets("all-linear"), "all-linear");
  assert.equal(
    targets(".*\\.layers\\.\\d{1", "2}\\.(q|v)_proj"),
    ".*\\.layers\\.\\d{1,2}\\.(q|v)_proj",
  );
});

Deno.test("PEFT's and TRL's names; a text as target in a file", () => {
  const input = { lora_target_modules: "all-linear", use_rslora: true, rank_pattern: { q: 2 } };
  for (const resolve of [resolveTrainConfig, resolveSftConfig]) {
    assert.deepEqual(loraConfigOf(resolve({ ...input, alpha_pattern: { v: 0.5 } } as object)), {
      r: 32,
      loraAlpha: 32,
      loraDropout: 0.05,
      targetModules: "all-linear",
      useRslora: true,
      rankPattern: { q: 2 },
      alphaPattern: { v: 0.5 },
    });
  }
});

Deno.test("files for PEFT before 0.4 have no setting that it would pass over", () => {
  for (const resolve of [resolveTrainConfig, resolveSftConfig]) {
    assert.throws(() => resolve({ peftFormat: "bin", rankPattern: { q: 2 } }), {
      name: "UserError",
      message: /`peftFormat` bin is for PEFT before 0.4, which does not know `rankPattern`/,
    });
    assert.throws(() => resolve({ peftFormat: "bin", useRslora: true }), /`useRslora`/);
    assert.equal(resolve({ peftFormat: "bin" }).peftFormat, "bin");
  }
});
