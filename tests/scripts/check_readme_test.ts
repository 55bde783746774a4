import assert from "node:assert/strict";
import { commandsOf } from "../../scripts/check_readme.ts";

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
