import assert from "node:assert/strict";
import { commandsOf, complaint } from "../../scripts/check_readme.ts";

Deno.test("commandsOf joins continued lines, and leaves comments and other languages out", () => {
  const text = [
    "```sh",
    "deno task train   # the demo",
    "deno run a.ts --one \\",
    "  --two",
    "",
    "# only a comment",
    "```",
    "```ts",
    "const not = 1;",
    "```",
  ].join("\n");
  assert.deepEqual(commandsOf(text), ["deno task train", "deno run a.ts --one --two"]);
});

Deno.test("complaint: a command ends by itself, asks nothing, and says in a line that it needs the Hub", () => {
  const ended = (code: number, output: string) => ({ code, killed: null, output });
  const here = { needsHub: false }, away = { needsHub: true };
  assert.equal(complaint(ended(0, "all is well\r\n"), here), null);
  assert.match(complaint(ended(1, "error: no\r\n"), here)!, /exit code 1/);
  assert.match(complaint({ code: null, killed: "prompt", output: "" }, here)!, /permission/);
  assert.match(complaint({ code: null, killed: "timeout", output: "" }, away)!, /end by itself/);
  assert.equal(complaint(ended(1, "error: offline\r\n"), away), null);
  assert.match(complaint(ended(1, "error: offline\r\n  at f (x.ts)\r\n"), away)!, /one line/);
  assert.match(complaint(ended(0, "done\r\n"), away)!, /exit code 0/);
});
