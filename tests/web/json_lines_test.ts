import assert from "node:assert/strict";
import { join } from "node:path";
import {
  lastLines,
  type Line,
  LineFollower,
  readLineAt,
  sampleLines,
} from "../../web/store/json_lines.ts";
import { parseObject } from "../../web/shared/json_rows.ts";
import { withTempDir } from "../temp_dir.ts";

Deno.test("LineFollower reads what is added, and whole lines only", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.jsonl");
    const follower = new LineFollower(path);
    const lines: Line[] = [];
    let restarts = 0;
    const read = () => follower.read((more) => lines.push(...more), () => restarts++);
    await read();
    assert.equal(lines.length, 0);
    Deno.writeTextFileSync(path, "one\ntwö\nthr");
    await read();
    assert.deepEqual(lines.map(({ text }) => text), ["one", "twö"]);
    Deno.writeTextFileSync(path, "ee\n", { append: true });
    await read();
    await read();
    assert.deepEqual(lines.map(({ text }) => text), ["one", "twö", "three"]);
    assert.equal(await readLineAt(path, lines[1]), "twö");
    assert.equal(restarts, 0);
  });
});

Deno.test("LineFollower starts again when the file was cut, replaced or removed", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.jsonl");
    const follower = new LineFollower(path);
    let lines: string[] = [];
    const read = () =>
      follower.read(
        (more) => lines.push(...more.map(({ text }) => text)),
        () => lines = [],
      );
    Deno.writeTextFileSync(path, "one\ntwo\n");
    await read();
    // As long as before, and longer: only the contents tell.
    Deno.writeTextFileSync(path, "uno\ndos\ntres\n");
    await read();
    assert.deepEqual(lines, ["uno", "dos", "tres"]);
    Deno.writeTextFileSync(path, "uno\n");
    await read();
    assert.deepEqual(lines, ["uno"]);
    Deno.removeSync(path);
    await read();
    assert.deepEqual(lines, []);
  });
});

Deno.test("LineFollower takes lines that are longer than what it reads at once", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a.jsonl");
    const long = "x".repeat(3 << 20);
    Deno.writeTextFileSync(path, `a\n${long}\nb\n`);
    const lines: string[] = [];
    await new LineFollower(path).read(
      (more) => lines.push(...more.map(({ text }) => text)),
      () => assert.fail("nothing was void"),
    );
    assert.deepEqual(lines, ["a", long, "b"]);
  });
});

Deno.test("sampleLines spreads over small and large files, ends included", async () => {
  await withTempDir(async (dir) => {
    for (const filler of [10, 40_000]) {
      const path = join(dir, `${filler}.jsonl`);
      const rows = Array.from({ length: 100 }, (_, i) => `${i} ${"y".repeat(filler)}`);
      Deno.writeTextFileSync(path, rows.join("\n") + "\ntorn");
      const numbers = (await sampleLines(path, 11)).map((line) => parseInt(line));
      assert.equal(numbers[0], 0);
      assert.equal(numbers.at(-1), 99);
      assert.ok(numbers.length >= 9 && numbers.length <= 11, String(numbers));
      for (let i = 1; i < numbers.length; i++) {
        const gap = numbers[i] - numbers[i - 1];
        assert.ok(gap > 0 && gap < 20, String(numbers));
      }
      assert.equal(parseInt((await lastLines(path)).at(-1)!), 99);
    }
    assert.deepEqual(await sampleLines(join(dir, "none"), 5), []);
    assert.deepEqual(await lastLines(join(dir, "none")), []);
    // Lines of which a small part of the file has one or two.
    const long = join(dir, "long");
    const lines = Array.from({ length: 9 }, (_, i) => `${i} ${"x".repeat(12_000)}`);
    Deno.writeTextFileSync(long, lines.map((line) => line + "\n").join(""));
    assert.equal((await lastLines(long)).length, 1);
    assert.deepEqual((await lastLines(long, 6)).slice(-6), lines.slice(-6));
    assert.deepEqual(await lastLines(long, 99), lines);
  });
});

Deno.test("parseObject takes objects only", () => {
  assert.deepEqual(parseObject('{"a":1}'), { a: 1 });
  assert.equal(parseObject('{"a":'), null);
  assert.equal(parseObject("3"), null);
});
