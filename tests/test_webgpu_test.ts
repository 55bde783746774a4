import assert from "node:assert/strict";
import { join } from "node:path";
import { withFolder } from "./cli/temper.ts";
import { crashedAtExit, lastTest, runTests } from "./test_webgpu.ts";

const PASSED = "a ... ok\n\n\x1b[0m\x1b[32mok\x1b[0m | 241 passed (3 steps) | 0 failed (2m50s)\n\n";

Deno.test("a crash counts as passed only after the complete pass line", () => {
  assert.equal(crashedAtExit({ code: 134, output: PASSED }), true);
  assert.equal(crashedAtExit({ code: 139, output: PASSED }), true);
  for (
    const output of [
      "",
      "a ... ok\nb ...",
      PASSED + "another line\n",
      PASSED.replace("0 failed", "1 failed"),
      PASSED.replace("241", "0"),
      "FAILED | 240 passed | 1 failed (2m)\n",
    ]
  ) assert.equal(crashedAtExit({ code: 134, output }), false, output);
  // Any other end is as the exit code says.
  assert.equal(crashedAtExit({ code: 1, output: PASSED }), false);
  assert.equal(crashedAtExit({ code: 0, output: PASSED }), false);
});

Deno.test("tests that do not end are ended, with a line that says so", async () => {
  assert.equal(lastTest(""), "the start");
  assert.equal(
    lastTest("a ... ok (1s)\n\x1b[0mb: c [dawn] ...'b' has been running"),
    "b: c [dawn]",
  );
  await withFolder(async (folder) => {
    const path = join(folder, "endless_test.ts");
    await Deno.writeTextFile(
      path,
      `Deno.test("endless", () => new Promise((r) => setTimeout(r, 1e9)))`,
    );
    const { error } = console;
    const lines: string[] = [];
    console.error = (line) => lines.push(line);
    try {
      assert.equal(await runTests(["--no-check", path], {}, 0.05), 124);
    } finally {
      console.error = error;
    }
    assert.match(lines.join("\n"), /^\nended after 0.05 minutes, in: (endless|the start)$/);
  });
});
