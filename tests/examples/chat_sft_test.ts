import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../../examples/chat_sft.ts", import.meta.url));

Deno.test("examples/chat_sft.ts teaches the demo's chat model, in less than 80 lines", async () => {
  assert.ok(Deno.readTextFileSync(SCRIPT).split("\n").length <= 80);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", SCRIPT],
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  assert.match(
    new TextDecoder().decode(stdout),
    /^step 10: loss [\s\S]*\nuser: When do you close\?\nassistant: We close at six\.\nuser: Do you have rye bread\?\nassistant: Yes, fresh every morning\.\n$/,
  );
});
