import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SideBySide } from "../../../lib/runs/commands/side_by_side.ts";
import { resolveSftConfig } from "../../../lib/runs/settings/sft_config.ts";
import { resolveGrpoRunConfig } from "../../../lib/runs/settings/group_config.ts";
import { demoModelDir } from "../../demo_model.ts";
import { withTempDir } from "../../temp_dir.ts";

const ADAPTER = fileURLToPath(new URL("../../golden/cases/adapter", import.meta.url));

Deno.test("a reward that compares with a column says nothing of a text; the others count", async () => {
  const config = resolveGrpoRunConfig({
    model: demoModelDir,
    reward: ["exact", "length:1000"],
    rewardWeights: [1, 2],
    maxCompletionLength: 4,
    device: "wasm",
  });
  const both = await SideBySide.open(config, ADAPTER);
  try {
    const { base, adapter } = await both.answer({ text: "Hello.", temperature: 0, chat: null });
    for (const { reward, rewards } of [base, adapter]) {
      assert.deepEqual([reward, rewards], [2, { length: 1 }]);
    }
  } finally {
    both.close();
  }
});

Deno.test("a chat follows the run's own template, and ends where the positions do", () =>
  withTempDir(async (dir) => {
    const cases = fileURLToPath(new URL("../../golden_causal/cases/gpt2", import.meta.url));
    const chatTemplate = join(dir, "own.jinja");
    await Deno.writeTextFile(chatTemplate, "{% for m in messages %}{{ m.content }}{% endfor %}");
    const answer = async (settings: object, text: string) => {
      const config = resolveSftConfig({
        ...{ model: join(cases, "checkpoint"), device: "wasm", threads: 1, evalMaxNewTokens: 256 },
        ...settings,
      });
      const both = await SideBySide.open(config, join(cases, "adapter"));
      try {
        const chat = { system: "", turns: [] };
        return (await both.answer({ text, temperature: 0, chat })).base.response;
      } finally {
        both.close();
      }
    };
    const own = await answer({ chatTemplate }, "Hello");
    assert.notEqual(own, await answer({}, "Hello"));
    await assert.rejects(() => answer({ chatTemplate }, "ab ".repeat(200)), {
      name: "UserError",
      message: /^the conversation has \d+ tokens, the model has 128 positions: begin a new one$/,
    });
  }));
