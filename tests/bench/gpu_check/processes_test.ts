import assert from "node:assert/strict";
import { join } from "node:path";
import { runLimited } from "../../../bench/gpu_check/subprocess.ts";
import { TapReader } from "../../../bench/gpu_check/test_files.ts";
import { withFolder } from "../../cli/temper.ts";

/** Runs a script, and returns its lines. */
async function script(code: string, limit: number, signal = new AbortController().signal) {
  const lines: string[] = [];
  const args = ["eval", code];
  const onLine = (line: string) => lines.push(line);
  const end = await runLimited({ args, env: { GIVEN: "x" }, cwd: ".", limit, signal, onLine });
  return { lines, end };
}

Deno.test("a process hands over lines, its code and its complaint", async () => {
  const { lines, end } = await script(
    `console.log("a\\nb" + Deno.env.get("GIVEN")); console.error("oh"); Deno.exit(3)`,
    60,
  );
  assert.deepEqual(lines, ["a", "bx"]);
  assert.deepEqual(end, { code: 3, signal: null, complaint: "oh" });
});

Deno.test("a process whose time is up is killed; what it said counts", async () => {
  const hangs = `console.log("first"); for (;;) {}`;
  const { lines, end } = await script(hangs, 4);
  assert.deepEqual([lines, end.code], [["first"], null]);
  const abort = new AbortController();
  abort.abort();
  assert.equal((await script(hangs, 60, abort.signal)).end.code, null);
});

Deno.test("tests of a file are read as they end: passed, failed, ignored", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "some_test.js");
    await Deno.writeTextFile(
      file,
      `Deno.test("a - b", async (t) => { await t.step("s", () => {}); });
      Deno.test("wrong", () => { throw new Error("1, not 2"); });
      Deno.test({ name: "later", ignore: true, fn() {} });`,
    );
    const tap = new TapReader();
    const end = await runLimited({
      args: ["test", "-A", "--no-check", "--no-config", "--reporter=tap", file],
      ...{ env: {}, cwd: folder, limit: 60, signal: new AbortController().signal },
      onLine: tap.line,
    });
    const { passed, ignored, failed, cutShort, crash } = tap.result("some_test.js", end, 1);
    assert.deepEqual({ passed, ignored, cutShort, crash }, {
      ...{ passed: 1, ignored: 1, cutShort: false, crash: null },
    });
    assert.equal(failed.length, 1);
    assert.equal(failed[0].name, "wrong");
    assert.match(failed[0].message, /1, not 2/);
  });
});

Deno.test("a crash counts unless all tests had passed before", () => {
  const read = (lines: string[], signal: string | null, code: number | null) => {
    const tap = new TapReader();
    lines.forEach(tap.line);
    return tap.result("a_test.ts", { code, signal, complaint: "x\nlast words" }, 1);
  };
  const whole = ["ok 1 - a", "ok 2 - b", "1..2"];
  assert.equal(read(whole, "SIGABRT", 134).crash, null);
  assert.equal(read(whole.slice(0, 2), "SIGABRT", 134).crash, "ended with SIGABRT: last words");
  assert.equal(read([], null, 1).crash, "ended with code 1: last words");
  assert.equal(read(["not ok 1 - a", "1..1"], null, 1).crash, null);
  const cut = read(["ok 1 - a"], null, null);
  assert.deepEqual([cut.passed, cut.cutShort, cut.crash], [1, true, null]);
});

Deno.test("what a process has started is killed with it", async () => {
  const child = `new Deno.Command(Deno.execPath(), { args: ["eval", "for (;;) {}"] }).spawn()`;
  const { lines } = await script(`console.log(${child}.pid); for (;;) {}`, 4);
  const started = Number(lines[0]);
  assert.ok(started > 0);
  const isAlive = () => {
    try {
      Deno.kill(started, 0 as unknown as Deno.Signal);
      return true;
    } catch {
      return false;
    }
  };
  for (let i = 0; i < 50 && isAlive(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(!isAlive());
});
