import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CTRL_C, plainText, runInTerminal } from "../../scripts/pseudo_terminal.ts";
import { shellWord } from "../../lib/cli/program_command.ts";
import { writeChatModel } from "../chat_model.ts";
import { demoModelDir } from "../demo_model.ts";
import { call, temper, withFolder } from "./temper.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const DEVICE = ["--device", "wasm", "--threads", "1"];
const CTRL_D = "\x04";
const ARROW_UP = "\x1b[A";

/** Runs a test with the demo's model as one that chats, by a template of its own. */
async function withChatModel(body: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await writeChatModel(folder);
    await body(folder);
  });
}

Deno.test("generate --chat answers each argument by the model's template", () =>
  withChatModel(async (model) => {
    const args = [...DEVICE, "--max-new-tokens", "8"];
    const chat = await call([
      "generate",
      "--chat",
      "--model",
      model,
      ...args,
      "How are you?",
      "Bye",
    ]);
    const texts = ["user: How are you?\n", "user: Bye\n"];
    const plain = ["--min-length", "0", "--prompt", "{dialogue}"];
    const expected = await call(["generate", "--model", model, ...args, ...plain, ...texts]);
    assert.deepEqual(chat, expected);
    const system = ["--system", "Be kind."];
    const json = await call([
      "generate",
      "--chat",
      "--model",
      model,
      ...args,
      ...system,
      "--json",
      "Bye",
    ]);
    const text = "system: Be kind.\nuser: Bye\n";
    const { stdout } = await call(["generate", "--model", model, ...args, ...plain, text]);
    assert.deepEqual(JSON.parse(json.stdout), [{ text: "Bye", response: stdout.trimEnd() }]);
  }));

Deno.test("an answer of a chat ends before a stop string", () =>
  withChatModel(async (model) => {
    const args = [
      "generate",
      "--chat",
      "--model",
      model,
      ...DEVICE,
      "--max-new-tokens",
      "12",
      "Hello",
    ];
    const whole = (await call(args)).stdout.trimEnd();
    const [first, second] = whole.split(" ");
    const { stdout } = await call([...args, "--stop-strings", second]);
    assert.equal(stdout, `${first} \n`);
  }));

Deno.test("generate --chat holds a conversation with the lines of a pipe", () =>
  withChatModel(async (model) => {
    const args = ["generate", "--chat", "--model", model, ...DEVICE, "--max-new-tokens", "6"];
    const input = "Hello\r\n\nWho are you?\n/reset\nWho are you?";
    const lines = await temper(args, { input });
    assert.equal(lines.code, 0, lines.stderr);
    assert.equal(lines.stderr, "the conversation starts anew\n");
    assert.equal(lines.stdout.split("\n").length, 4);
    const { stdout } = await temper([...args, "--json"], { input: "Hello\nWho are you?\n" });
    const messages = JSON.parse(stdout);
    assert.deepEqual(messages.map(({ role }: { role: string }) => role), [
      "user",
      "assistant",
      "user",
      "assistant",
    ]);
    assert.deepEqual(
      [messages[1].content, messages[3].content],
      lines.stdout.split("\n").slice(0, 2),
    );
    const broken = await temper(args, { input: Uint8Array.of(0x61, 0x0a, 0xff, 0x0a) });
    assert.match(broken.stderr, /^error: line 2 of standard input is not UTF-8/);
  }));

Deno.test("an answer ends where a model with learned positions has no more of them", async () => {
  const model = fileURLToPath(
    new URL("../golden_causal/cases/gpt2/checkpoint", import.meta.url),
  );
  const chat = ["generate", "--chat", "--model", model, ...DEVICE];
  const { code, stderr } = await call([...chat, "Hi"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const long = await call([...chat, "ab ".repeat(200)]);
  assert.match(
    long.stderr,
    /^error: the conversation has \d+ tokens, the model has 128 positions: begin a new one\n$/,
  );
});

Deno.test("generate --chat says what is missing", async () => {
  const chat = ["generate", "--chat", ...DEVICE, "--model", demoModelDir];
  assert.match((await call([...chat, "Hi"])).stderr, /^error: \S+ has no chat template: expected /);
  assert.match(
    (await call([...chat, "--prompt", "{dialogue}", "Hi"])).stderr,
    /^error: --prompt does not apply to a chat/,
  );
  const system = await call(["generate", "--system", "Be kind.", "Hi"]);
  assert.deepEqual([system.code, system.stderr.includes("add --chat")], [2, true]);
});

Deno.test({
  name: "at a terminal, Ctrl-C stops an answer, the arrows bring lines back, Ctrl-D leaves",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withChatModel(async (model) => {
      const flags = ["--quiet", "--no-check", `--config=${CONFIG}`, "--permission-set=offline"];
      const length = ["--max-new-tokens", "20000", "--min-length", "20000"];
      const words = [Deno.execPath(), "run", ...flags, "--allow-read", "--allow-write", CLI];
      words.push("generate", "--chat", "--model", model, ...DEVICE, ...length);
      const { code, killed, output } = await runInTerminal(words.map(shellWord).join(" "), {
        press: [
          { after: /commands\s+> $/, keys: "Hello there\r" },
          { after: /Hello there\s+\S+/, keys: CTRL_C },
          { after: /\s> $/, keys: ARROW_UP },
          { after: /> Hello there$/, keys: CTRL_C },
          { after: /leaves\s+> $/, keys: "/help\r" },
          { after: /as Ctrl-D does\s+> $/, keys: CTRL_D },
        ],
      });
      assert.deepEqual([code, killed], [0, null], plainText(output));
    }),
});

Deno.test({
  name: "at a terminal, pasted lines are one message, and no line that comes early is lost",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withChatModel(async (model) => {
      const flags = ["--quiet", "--no-check", `--config=${CONFIG}`, "--permission-set=offline"];
      const words = [Deno.execPath(), "run", ...flags, "--allow-read", "--allow-write", CLI];
      words.push("generate", "--chat", "--model", model, ...DEVICE, "--max-new-tokens", "4");
      const { code, killed, output } = await runInTerminal(words.map(shellWord).join(" "), {
        press: [
          { after: /commands\s+> $/, keys: "/system \x1b[200~Be kind.\nBe brief.\x1b[201~\r" },
          // A terminal that marks nothing.
          { after: /prompt\s+> $/, keys: "/system\r/none\rHel" },
          { after: /Be kind.\s+Be brief.\s[^]*no command \/none[^]*> Hel$/, keys: CTRL_C },
          { after: /leaves\s+> $/, keys: CTRL_D },
        ],
      });
      assert.deepEqual([code, killed], [0, null], plainText(output));
      assert.match(plainText(output), /> \/system Be kind\.␊Be brief\./);
    }),
});
