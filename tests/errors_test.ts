import assert from "node:assert/strict";
import { UserError } from "../lib/errors.ts";

Deno.test("a message that quotes a piece of any length keeps its beginning and its end", () => {
  const { message } = new UserError(`file has the tensor "${"x".repeat(1e6)}", expected another`);
  assert.ok(message.length < 4500);
  assert.match(message, /^file has the tensor "x+ … x+", expected another$/);
  const whole = "y".repeat(4000);
  assert.equal(new UserError(whole).message, whole);
});

Deno.test("a user's mistake is one line, whatever it quotes, with an exit code", () => {
  const cause = new Error("why");
  const error = new UserError('file is not JSON: "a\n  b\r\nc".', { cause });
  assert.equal(error.message, 'file is not JSON: "a b c".');
  assert.deepEqual([error.name, error.exitCode, error.cause], ["UserError", 1, cause]);
  assert.equal(new UserError("usage", { exitCode: 2 }).exitCode, 2);
});
