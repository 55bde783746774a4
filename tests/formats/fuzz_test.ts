/** The short form of `deno task fuzz`. */
import assert from "node:assert/strict";
import { fuzzReaders } from "./fuzz.ts";

Deno.test("readers of mutated files read or refuse them, in little time and memory", async () => {
  let files = 0;
  for await (const { reader, files: count, refused } of fuzzReaders(400, 7)) {
    files += count;
    assert.ok(refused > count / 5 && refused < count, `${reader}: ${refused} of ${count} refused`);
  }
  assert.equal(files, 3200);
});
