import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { TURBO_FLAGS, TURBO_VARIABLE } from "../../lib/device/turbo.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

async function deno(args: string[], env: Record<string, string> = {}) {
  const command = new Deno.Command(Deno.execPath(), { args, env, cwd: root });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("turbo: the self-test passes under V8's flags, and with them products are the same", async () => {
  const flags = `--v8-flags=${TURBO_FLAGS.join(",")}`;
  const { code, stdout } = await deno(["run", "-A", flags, "lib/doctor/turbo_self_test.ts"]);
  assert.deepEqual([code, stdout.trim()], [0, "ok"]);
});

Deno.test("turbo: the command runs in a process started for it, with the same output", async () => {
  const args = ["run", "-A", "cli.ts", "generate", "--device", "wasm", "Anna: Hi. Tom: Hello."];
  const plain = await deno(args);
  const turbo = await deno([...args, "--turbo"]);
  assert.equal(plain.code, 0, plain.stderr);
  assert.deepEqual(turbo, plain);
});

Deno.test("turbo: exit codes pass through", async () => {
  const { code, stderr } = await deno([
    "run",
    "-A",
    "cli.ts",
    "generate",
    "--turbo",
    "--model",
    "/no",
    "x",
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: .*\/no/);
});

Deno.test("turbo: a process that may not do everything is told what to do", async () => {
  const args = [
    "run",
    "--allow-read",
    "--allow-env",
    "--allow-net",
    "cli.ts",
    "generate",
    "--turbo",
    "x",
  ];
  const { code, stderr } = await deno(args);
  assert.equal(code, 1);
  assert.match(stderr, /--turbo restarts Deno, which needs -A/);
});

Deno.test("turbo: a foreign ONNX model is refused", async () => {
  const args = ["run", "-A", "cli.ts", "score", "--model", "onnx:./tests/fixtures", "hello"];
  const { code, stderr } = await deno(args, { [TURBO_VARIABLE]: "1" });
  assert.equal(code, 1);
  assert.match(stderr, /^error: an ONNX model cannot be run with --turbo/);
});
