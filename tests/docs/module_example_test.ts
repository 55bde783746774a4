import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Runs Deno in the clone. */
async function deno(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("the module's example, saved in a clone, runs as it is printed and says what it did", async () => {
  const module = await Deno.readTextFile(`${ROOT}/mod.ts`);
  const [, block] = /```ts\n([\s\S]*?) \* ```/.exec(module)!;
  const script = await Deno.makeTempFile({ dir: ROOT, prefix: ".step-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, block.replaceAll(/^ \* ?/gm, ""));
    const { code, stdout, stderr } = await deno("run", "-A", "--quiet", script);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^\S.*\n\S.*\nKL to the reference: 0\n$/);
  } finally {
    await Deno.remove(script);
  }
});

Deno.test("the commands of docs/api.md print declarations and nothing else", async () => {
  const page = await Deno.readTextFile(`${ROOT}/docs/api.md`);
  const commands = [...page.replaceAll("\n", " ").matchAll(/`deno (doc [^`]+)`/g)]
    .map(([, command]) => command.split(" "));
  assert.equal(commands.length, 2);
  for (const command of commands) {
    const { code, stdout, stderr } = await deno(...command);
    assert.deepEqual([code, stderr], [0, ""], command.join(" "));
    assert.match(stdout, /class PPOTrainer/);
  }
});
