import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import settings from "../../deno.json" with { type: "json" };
import { CTRL_C, type KeyPress, plainText, runInTerminal } from "../../scripts/pseudo_terminal.ts";
import { shellWord } from "../../lib/cli/program_command.ts";
import { withFolder } from "./temper.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const SHORT = ["--steps", "1", "--eval-samples", "2", "--device", "wasm"];
/** A command line, and keys that are pressed while it runs. */
type Case = readonly [args: readonly string[], code: number, ...press: KeyPress[]];

/**
 * Runs a command line at a terminal, in a process that may do what `deno task train` may, and that
 * asks for more: `--no-prompt`, which the task has, would hide it.
 */
async function atTerminal(cwd: string, [args, code, ...press]: Case): Promise<string> {
  const flags = ["--quiet", "--no-check", `--config=${CONFIG}`, "--permission-set=offline"];
  const words = [Deno.execPath(), "run", ...flags, "--allow-read", "--allow-write", CLI, ...args];
  const outcome = await runInTerminal(words.map(shellWord).join(" "), { cwd, seconds: 120, press });
  assert.deepEqual([outcome.code, outcome.killed], [code, null], outcome.output);
  return plainText(outcome.output);
}

Deno.test({
  name: "runs delete asks at a terminal, unless it is told not to",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (folder) => {
      for (const run of ["kept", "first", "second"]) {
        await Deno.mkdir(join(folder, run));
        await Deno.writeTextFile(join(folder, run, "config.json"), "{}");
      }
      const left = () => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
      const answer = (keys: string) => ({ after: /delete \w+\?/, keys });
      await atTerminal(folder, [["runs", "delete", "kept"], 0, answer("n\r")]);
      await atTerminal(folder, [["runs", "delete", "first"], 0, answer("y\r")]);
      assert.deepEqual(left(), ["kept", "second"]);
      await atTerminal(folder, [["runs", "delete", "--yes", "second"], 0]);
      assert.deepEqual(left(), ["kept"]);
    }),
});

Deno.test({
  name: "no command asks for a permission at a terminal",
  ignore: Deno.build.os !== "linux",
  fn: (test) =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "short.yaml"), "steps: 1\nevalSamples: 2\n");
      const sft = ["--steps", "1", "--eval-samples", "2", "--output", "taught"];
      const bench = ["--shape", "tiny", "--prompt", "8", "--new", "4", "--batch", "4"];
      const cases: Case[] = [
        [["train", ...SHORT, "--output", "out"], 0],
        [["train", "--config", "short.yaml", "--device", "wasm", "--profile"], 0],
        [["train", "--resume", "out", "--steps", "2"], 0],
        [["train", "--steps", "500", "--eval-samples", "2"], 130, {
          after: /2\/500/,
          keys: CTRL_C,
        }],
        [["train", "--ui", ...SHORT], 0, { after: /stays up until Ctrl-C: http/, keys: CTRL_C }],
        [["sft", ...sft], 0],
        [["compare", "out", "--samples", "1"], 0],
        [["evaluate", "--eval-samples", "1"], 0],
        [["generate", "Hello"], 0],
        [["score", "Hello"], 0],
        [["runs", "list"], 0],
        [["runs", "export", "out"], 0],
        [["ui", "--port", "0"], 0, { after: /http:/, keys: CTRL_C }],
        [["ui", "none", "--port", "0"], 0, {
          after: /runs in none, which does not exist yet: http:/,
          keys: CTRL_C,
        }],
        [["bench", "ppo", ...bench], 0],
        [["bench", "step", "--shape", "tiny", "--prompt", "8", "--new", "4"], 0],
        [["doctor"], 0],
      ];
      for (const [args, ...rest] of cases) {
        await test.step(args.join(" "), async () => void await atTerminal(folder, [args, ...rest]));
      }
    }),
});

Deno.test("deno task train has the permissions that this tests, and never asks", () => {
  assert.equal(
    settings.tasks.train,
    "deno run --quiet --no-prompt --permission-set=offline --allow-read --allow-write cli.ts train",
  );
});
