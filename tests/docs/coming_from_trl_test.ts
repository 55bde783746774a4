import assert from "node:assert/strict";
import { resolvePPOConfig } from "../../lib/rl/ppo_config.ts";
import { trainConfigSchema } from "../../lib/runs/settings/config.ts";
import { withSettingNames } from "../../lib/settings/settings.ts";

/** The fields of TRL 0.4's PPOConfig, those of 0.4.2 among them. */
const PPO_CONFIG =
  `task_name model_name steps learning_rate adap_kl_ctrl init_kl_coef target horizon
  gamma lam cliprange cliprange_value vf_coef batch_size forward_batch_size mini_batch_size
  gradient_accumulation_steps ppo_epochs remove_unused_columns log_with tracker_kwargs
  accelerator_kwargs project_kwargs tracker_project_name max_grad_norm seed optimize_cuda_cache
  early_stopping target_kl push_to_hub_if_best_kwargs compare_steps ratio_threshold`;

/** The twelve keys of PEFT 0.3's LoraConfig. */
const LORA_CONFIG = `base_model_name_or_path bias fan_in_fan_out inference_mode init_lora_weights
  lora_alpha lora_dropout modules_to_save peft_type r target_modules task_type`;

/** What the notebook gives to generate. */
const GENERATE = "min_length top_k top_p do_sample max_new_tokens pad_token_id";

const page = await Deno.readTextFile(
  new URL("../../docs/coming-from-trl.md", import.meta.url),
);

for (
  const [heading, names] of [
    ["PPOConfig", PPO_CONFIG],
    ["LoraConfig", LORA_CONFIG],
    ["generate", GENERATE],
  ]
) {
  Deno.test(`coming from TRL: every option of ${heading}`, () => {
    const section = page.split(/^## /m).find((part) => part.startsWith(`\`${heading}\``))!;
    // The first column.
    const options = [...section.matchAll(/^\| ([^|]*)\|/gm)].map(([, cell]) => cell).join();
    for (const name of names.split(/\s+/)) {
      assert.match(options, new RegExp(`[\`(, ]${name}[\`=:,) ]`), name);
    }
  });
}

Deno.test("coming from TRL: every flag is one of train's", async () => {
  const cli = await Deno.readTextFile(new URL("../../docs/cli.md", import.meta.url));
  // Other programs have flags of their own.
  const ours = page.replaceAll(/`wandb [^`]*`/g, "");
  for (const [flag] of ours.matchAll(/--[a-z][a-z0-9-]+/g)) {
    assert.match(cli, new RegExp(`^ *(-\\w, )?${flag}(,| |$)`, "m"));
  }
});

Deno.test("coming from TRL: PPOConfig's names work in files and in resolvePPOConfig", () => {
  const section = page.split(/^## /m).find((part) => part.startsWith("`PPOConfig`"))!;
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  const tried = rows.flatMap((row) => {
    const [, names, flags] = row.split("|");
    const options = [...flags.matchAll(/`--([\w-]+)`/g)].map(([, option]) => option);
    return [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name)
      .filter((name) =>
        options.includes(name.replaceAll("_", "-")) || name === "forward_batch_size"
      );
  });
  assert.ok(tried.length > 15, tried.join());
  const defaults = resolvePPOConfig() as unknown as Record<string, unknown>;
  for (const name of tried) {
    const { keys } = withSettingNames(trainConfigSchema, { [name]: 1 });
    const [[setting]] = keys;
    // Its own default by TRL's name.
    resolvePPOConfig({ [name]: defaults[setting] });
  }
});
