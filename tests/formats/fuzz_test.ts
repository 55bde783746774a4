/** The short form of `deno task fuzz`. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("./run_fuzz.ts", import.meta.url));

Deno.test("readers of mutated files read or refuse them, in little time and memory", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", SCRIPT, "400", "7"],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  assert.equal(lines.length, 21);
  for (const line of lines) {
    const [files, refused] = /: (\d+) files, (\d+) refused/.exec(line)!.slice(1).map(Number);
    // Chat templates start a thread for each file.
    assert.equal(files, line.includes("template") ? 20 : 400, line);
    assert.ok(refused > files / 5 && refused < files, line);
  }
});
