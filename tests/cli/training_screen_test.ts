import assert from "node:assert/strict";
import { nextCommands } from "../../lib/cli/training_screen.ts";
import { temper, withFolder } from "./temper.ts";

Deno.test("a run ends with the commands to watch, try and publish it", () => {
  assert.deepEqual(nextCommands("runs/a b", "runs/a b/adapter"), [
    ["watch", "temper ui"],
    ["try", "temper generate --adapter 'runs/a b/adapter' < dialogue.txt"],
    ["publish", "temper push 'runs/a b' ORG/NAME"],
  ]);
  assert.deepEqual(nextCommands("/out/one", "/out/one/adapter", "./flan-t5"), [
    ["watch", "temper ui /out"],
    ["try", "temper generate --model ./flan-t5 --adapter /out/one/adapter < dialogue.txt"],
    ["publish", "temper push /out/one ORG/NAME"],
  ]);
  assert.deepEqual(nextCommands("one", "one/model", "./flan-t5"), [
    ["watch", "temper ui ."],
    ["try", "temper generate --model one/model < dialogue.txt"],
    ["publish", "temper push one ORG/NAME"],
  ]);
  const reward = nextCommands("one", "one/model", "./SmolLM2", "score");
  assert.match(reward[1][1], / score --model one\/model TEXT$/);
  const chat = nextCommands("one", "one/adapter", "./SmolLM2", "chat");
  assert.deepEqual(chat[1], [
    "try",
    "temper generate --chat --model ./SmolLM2 --adapter one/adapter",
  ]);
  const own = nextCommands("one", "one/adapter", "./SmolLM2", "chat", "own.jinja");
  assert.match(own[1][1], / --adapter one\/adapter --chat-template own\.jinja$/);
  const whole = nextCommands("one", "one/model", "./SmolLM2", "chat", "own.jinja");
  assert.match(whole[1][1], /generate --chat --model one\/model$/);
});

Deno.test("train and sft print them last, in the user's own way of calling, and they work", async () => {
  await withFolder(async (cwd) => {
    const common = ["--steps", "1", "--eval-samples", "2", "--eval-max-new-tokens", "4"];
    for (const command of ["train", "sft"]) {
      const args = [command, ...common, "--device", "wasm", "--output", command];
      const { code, stdout, stderr } = await temper(args, { cwd, env: { TEMPER_PROGRAM: "/t" } });
      assert.equal(code, 0, stderr);
      assert.match(
        stdout,
        new RegExp(
          `\\n\\nwatch +/t ui \\.\\ntry +/t generate --adapter ${command}/adapter < dialogue.txt\\n` +
            `publish +/t push ${command} ORG/NAME\\n$`,
        ),
      );
    }
    const tried = ["generate", "--adapter", "sft/adapter", "--max-new-tokens", "4"];
    const { code, stdout } = await temper(tried, { cwd, input: "#Person1#: Hello, Karen." });
    assert.equal(code, 0);
    assert.match(stdout, /\S/);
  });
});

Deno.test("score says what the demo's classifier knows, and its example shows both", async () => {
  const { stdout } = await temper(["score", "--help"]);
  assert.match(stdout.replaceAll(/\s+/g, " "), /knows only sentences like those of the demo/);
  const [, example] = /score (".*")/.exec(stdout)!;
  const texts = [...example.matchAll(/"([^"]+)"/g)].map(([, words]) => words);
  const scores = JSON.parse((await temper(["score", "--json", ...texts])).stdout);
  assert.deepEqual(
    scores.texts.map(({ toxicity }: { toxicity: number }) => toxicity > 0.5),
    [false, true],
  );
});
