import assert from "node:assert/strict";
import { UserError } from "../lib/errors.ts";

Deno.test("a user's mistake is one line, whatever it quotes, with an exit code", () => {
  const cause = new Error("why");
  const error = new UserError('file is not JSON: "a\n  b\r\nc".', { cause });
  assert.equal(error.message, 'file is not JSON: "a b c".');
  assert.deepEqual([error.name, error.exitCode, error.cause], ["UserError", 1, cause]);
  assert.equal(new UserError("usage", { exitCode: 2 }).exitCode, 2);
});
