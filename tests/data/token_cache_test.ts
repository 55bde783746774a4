import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DatasetOptions, type Example, loadDataset } from "../../lib/data/dataset.ts";
import { TokenCache } from "../../lib/data/token_cache.ts";
import { readTokens, writeTokens } from "../../lib/data/token_entry.ts";
import { TokenizedTexts } from "../../lib/data/tokenized_texts.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { demoModelDir } from "../demo_model.ts";
import { withTempDir } from "../temp_dir.ts";

const tokenizer = await Tokenizer.load(demoModelDir);
const TEXTS = ["Hello, Karen.", "", "I see. Why don't you go early?", "That was trash!"];
const HOUR = 60 * 60 * 1000;

/** The tokenizer, with the texts that it was asked to tokenize. */
function counting(): { tokenizer: Tokenizer; asked: string[] } {
  const asked: string[] = [];
  const handler: ProxyHandler<Tokenizer> = {
    get(target, name) {
      if (name === "encode") {
        return (text: string, options?: { maxLength?: number }) => {
          asked.push(text);
          return target.encode(text, options);
        };
      }
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  };
  return { tokenizer: new Proxy(tokenizer, handler), asked };
}

interface Use {
  folder: string;
  texts?: readonly string[];
  /** Which of the texts. Default all. */
  rows?: readonly number[];
  maxBytes?: number;
}

/** Uses the texts' tokens as a run would, and keeps them. */
async function use({ folder, texts = TEXTS, rows = [...texts.keys()], maxBytes }: Use) {
  const { tokenizer: counted, asked } = counting();
  const cache = new TokenCache({ folder, maxBytes });
  const tokenized = new TokenizedTexts(texts, counted, { name: "texts", cache });
  const before = cache.notices();
  const ids = rows.map((row) => tokenized.ids(row));
  assert.deepEqual(ids, rows.map((row) => tokenizer.encode(texts[row])));
  await cache.save();
  const path = join(folder, `${tokenized.key}.safetensors`);
  return { asked, before, after: cache.notices(), path, key: tokenized.key };
}

const names = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

Deno.test("what was tokenized is not tokenized again; the rest joins it", async () => {
  await withTempDir(async (dir) => {
    const folder = join(dir, "new", "datasets");
    const first = await use({ folder, rows: [2, 0] });
    assert.deepEqual(first.asked, [TEXTS[2], TEXTS[0]]);
    assert.deepEqual([...first.before, ...first.after], []);

    const second = await use({ folder, rows: [0, 1, 2] });
    assert.deepEqual(second.asked, [TEXTS[1]]);
    assert.deepEqual(second.before, [`tokens from the cache ${folder}: 2 of 4 texts`]);
    assert.deepEqual(second.after, []);

    assert.deepEqual((await use({ folder })).asked, [TEXTS[3]]);
    const { asked, before } = await use({ folder });
    assert.deepEqual(asked, []);
    assert.deepEqual(before, [`tokens from the cache ${folder}: 4 of 4 texts`]);
    assert.deepEqual(names(folder).length, 1);
  });
});

Deno.test("ids beyond 16 bits, texts without tokens and texts not tokenized are kept apart", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "entry");
    for (const ids of [[[1, 65_535], [], undefined, [7]], [undefined, [250_099, 65_536], []]]) {
      await writeTokens(path, "key", ids);
      const stored = readTokens(path, "key", ids.length);
      assert.deepEqual(ids.map((_, row) => stored.ids(row)), ids);
      assert.equal(stored.count, ids.filter((own) => own !== undefined).length);
    }
  });
});

/** Writes dialogues and returns the keys of the splits' prompts and summaries. */
async function keysOf(
  dir: string,
  options: DatasetOptions = {},
  { of = tokenizer, maxLength = 128 } = {},
): Promise<Record<string, string>> {
  const dataset = await loadDataset(dir, of, { inputMinTextLength: 5, ...options });
  return Object.fromEntries(
    [...dataset.splits.values()].flatMap((split) => [
      [`${split.name} prompts`, split.prompts.key],
      [`${split.name} summaries`, split.labels(maxLength).key],
    ]),
  );
}

const ROWS = Array.from({ length: 10 }, (_, i) => ({
  id: `${i}`,
  dialogue: `dialogue ${i}`.padEnd(10 + i, "!"),
  summary: `summary ${i}`,
  topic: `topic ${i}`,
}));

function writeRows(path: string, rows: readonly Record<string, string>[]): void {
  Deno.writeTextFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
}

Deno.test("the key changes with everything that the tokens depend on, and with nothing else", async () => {
  await withTempDir(async (dir) => {
    const file = join(dir, "train.jsonl");
    writeRows(file, ROWS);
    const keys = await keysOf(dir);
    assert.deepEqual(await keysOf(dir), keys);
    assert.equal(new Set(Object.values(keys)).size, 4);

    /** Which keys of {@linkcode keys} are others now. */
    const changed = (now: Record<string, string>) =>
      Object.keys(keys).filter((name) => now[name] !== keys[name]);
    const all = ["train prompts", "train summaries", "test prompts", "test summaries"];
    const train = ["train prompts", "train summaries"];
    const prompts = ["train prompts", "test prompts"];
    const summaries = ["train summaries", "test summaries"];

    assert.deepEqual(changed(await keysOf(dir, { prompt: "{dialogue}" })), prompts);
    assert.deepEqual(changed(await keysOf(dir, { dialogueColumn: "topic" })), prompts);
    assert.deepEqual(changed(await keysOf(dir, { summaryColumn: "topic" })), summaries);
    assert.deepEqual(changed(await keysOf(dir, { inputMinTextLength: 10 })), train);
    assert.deepEqual(changed(await keysOf(dir, { inputMaxTextLength: 18 })), all);
    assert.deepEqual(changed(await keysOf(dir, {}, { maxLength: 127 })), summaries);

    const edits: [string, typeof ROWS, string[]][] = [
      ["a letter", ROWS.with(3, { ...ROWS[3], dialogue: "dialOgue 3!!!" }), ["train prompts"]],
      ["the order", [ROWS[1], ROWS[0], ...ROWS.slice(2)], train],
      ["a row more", [ROWS[0], ...ROWS], all],
      ["a summary", ROWS.with(9, { ...ROWS[9], summary: "" }), ["test summaries"]],
      ["where a text ends", [
        { ...ROWS[0], dialogue: ROWS[0].dialogue + "d" },
        { ...ROWS[1], dialogue: ROWS[1].dialogue.slice(1) },
        ...ROWS.slice(2),
      ], ["train prompts"]],
      ["nothing that is tokenized", ROWS.with(0, { ...ROWS[0], topic: "other" }), []],
    ];
    for (const [what, rows, expected] of edits) {
      writeRows(file, rows);
      assert.deepEqual(changed(await keysOf(dir)), expected, what);
    }
    // UTF-8 would write both as U+FFFD.
    const lone: string[] = [];
    for (const letter of ["\ud800", "\ud801"]) {
      writeRows(file, ROWS.with(0, { ...ROWS[0], dialogue: `dialogue ${letter}` }));
      lone.push((await keysOf(dir))["train prompts"]);
    }
    assert.notEqual(lone[0], lone[1]);

    // The same rows under another split rule.
    writeRows(file, ROWS);
    writeRows(join(dir, "test.jsonl"), ROWS.slice(8));
    assert.deepEqual(changed(await keysOf(dir)), train);
  });
});

Deno.test("the key changes with the content of the tokenizer's files, not with their place", async () => {
  await withTempDir(async (dir) => {
    const data = join(dir, "data.jsonl");
    writeRows(data, ROWS);
    const folder = join(dir, "tokenizer");
    await Deno.mkdir(folder);
    const files = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];
    for (const file of files) await Deno.copyFile(join(demoModelDir, file), join(folder, file));
    const keys = await keysOf(data);
    const now = async () => await keysOf(data, {}, { of: await Tokenizer.load(folder) });
    assert.deepEqual(await now(), keys);

    const edits: [file: string, from: string | RegExp, to: string][] = [
      // The score of a piece, the special token at the end, and the text that one is.
      ["tokenizer.json", /("the",\s*)-[\d.]+/, "$1-1"],
      ["tokenizer.json", /("id": ?)"<\/s>"/, '$1"<pad>"'],
      ["tokenizer_config.json", '"<unk>"', '"<pad>"'],
      ["special_tokens_map.json", "{", '{"extra": 1,'],
    ];
    for (const [file, from, to] of edits) {
      const path = join(folder, file);
      const before = await Deno.readTextFile(path);
      const after = before.replace(from, to);
      assert.notEqual(after, before, `${file} has no ${from}`);
      await Deno.writeTextFile(path, after);
      const changed = await now();
      for (const [name, key] of Object.entries(keys)) {
        assert.notEqual(changed[name], key, `${file}: ${from}`);
      }
      await Deno.writeTextFile(path, before);
    }
    assert.deepEqual(await now(), keys);
  });
});

Deno.test("the version of the tokenizers' package, which is part of the key, is that which is used", async () => {
  const path = fileURLToPath(new URL("../../lib/packages/tokenizers.ts", import.meta.url));
  const source = await Deno.readTextFile(path);
  const { TOKENIZERS_VERSION } = await import("../../lib/packages/tokenizers.ts");
  assert.ok(source.includes(`"npm:@huggingface/tokenizers@${TOKENIZERS_VERSION}"`));
});

Deno.test("an entry that is not what was written is made anew, and said", async () => {
  await withTempDir(async (folder) => {
    const { path, key } = await use({ folder });
    const good = await Deno.readFile(path);
    const other = await use({ folder, texts: [...TEXTS].reverse() });

    const faults: [string, () => void | Promise<void>][] = [
      ["nothing in it", () => Deno.writeFile(path, new Uint8Array())],
      ["another entry under its name", () => Deno.copyFile(other.path, path)],
      ["another number of texts", () => writeTokens(path, key, [[1], [2]])],
      ["another file", () => Deno.writeTextFile(path, "not what it was")],
    ];
    for (let end = 1; end < good.length; end += 7) {
      faults.push([`cut at ${end}`, () => Deno.writeFile(path, good.subarray(0, end))]);
    }
    for (let at = 0; at < good.length; at++) {
      const bytes = good.slice();
      bytes[at] ^= 1 << at % 8;
      faults.push([`byte ${at} is another`, () => Deno.writeFile(path, bytes)]);
    }
    let harmless = 0;
    for (const [what, damage] of faults) {
      await damage();
      const { asked, before, after } = await use({ folder });
      // The header's padding and its metadata say nothing of the tokens.
      if (asked.length === 0 && /^byte/.test(what)) harmless++;
      else {
        assert.deepEqual(asked, TEXTS, what);
        assert.match(before.join(), /^tokens in the cache are made anew: [^\n]+$/, what);
      }
      assert.deepEqual(after, [], what);
      assert.deepEqual((await use({ folder })).asked, [], what);
    }
    assert.ok(harmless < 40, `${harmless} changed bytes do not matter`);
    assert.deepEqual(await Deno.readFile(path), good);
  });
});

Deno.test("a folder that cannot be written, or is none, is said and stops nothing", async () => {
  await withTempDir(async (dir) => {
    const file = join(dir, "file");
    await Deno.writeTextFile(file, "");
    for (const folder of [file, join(file, "datasets"), "/proc/temper"]) {
      const { asked, after } = await use({ folder });
      assert.deepEqual(asked, TEXTS);
      assert.equal(after.length, 1);
      assert.match(after[0], /^tokens are not kept in the cache [^\n]+: [^\n]+[^.]$/);
    }
    assert.equal(await Deno.readTextFile(file), "");

    // A folder in the place of the entry.
    const { path } = await use({ folder: join(dir, "cache") });
    await Deno.remove(path);
    await Deno.mkdir(join(path, "inside"), { recursive: true });
    const { asked, before, after } = await use({ folder: join(dir, "cache") });
    assert.deepEqual(asked, TEXTS);
    assert.match(before.join(), /made anew: .* it is a folder/);
    assert.match(after.join(), /not kept/);
    assert.deepEqual(names(join(dir, "cache")).length, 1);
  });
});

Deno.test("a disk that is full stops nothing, and leaves the entry as it was", async () => {
  await withTempDir(async (folder) => {
    const { path } = await use({ folder, rows: [0] });
    const good = await Deno.readFile(path);
    const { write } = Deno.FsFile.prototype;
    Deno.FsFile.prototype.write = () =>
      Promise.reject(Object.assign(new Error("ENOSPC"), { code: "ENOSPC" }));
    try {
      const { after } = await use({ folder });
      assert.match(after.join(), /^tokens are not kept in the cache .*: the disk is full$/);
    } finally {
      Deno.FsFile.prototype.write = write;
    }
    assert.deepEqual(await Deno.readFile(path), good);
    assert.deepEqual(names(folder).length, 1);
  });
});

Deno.test("without permission for the folder, or to find it, nothing is cached and nothing fails", async () => {
  await withTempDir(async (folder) => {
    await use({ folder });
    const module = (path: string) => new URL(`../../lib/data/${path}`, import.meta.url).href;
    const script = `
      import { TokenCache } from "${module("token_cache.ts")}";
      import { TokenizedTexts } from "${module("tokenized_texts.ts")}";
      import { Tokenizer } from "${module("tokenizer.ts")}";
      const tokenizer = await Tokenizer.load(${JSON.stringify(demoModelDir)});
      const cache = new TokenCache(JSON.parse(Deno.args[0]));
      const texts = new TokenizedTexts(["a"], tokenizer, { name: "texts", cache });
      console.log(JSON.stringify(texts.ids(0)));
      await cache.save();
      for (const notice of cache.notices()) console.log(notice);
    `;
    await withTempDir(async (dir) => {
      const path = join(dir, "script.ts");
      await Deno.writeTextFile(path, script);
      for (
        const [options, right] of [[{ folder }, /Requires (read|write) access/], [
          {},
          /Requires env access/,
        ]] as const
      ) {
        const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: [
            ...["run", "--no-prompt", "--no-check", `--allow-read=${demoModelDir}`],
            ...[path, JSON.stringify(options)],
          ],
        }).output();
        const lines = new TextDecoder().decode(stdout).trim().split("\n");
        assert.ok(success, new TextDecoder().decode(stderr));
        assert.deepEqual(JSON.parse(lines[0]), tokenizer.encode("a"));
        assert.match(lines[1], /^tokens in the cache are made anew: /);
        assert.match(lines[2], /^tokens are not kept in the cache/);
        for (const line of lines.slice(1)) assert.match(line, right);
      }
    });
    assert.equal(names(folder).length, 1);
  });
});

Deno.test("processes that use one entry at once leave a whole one", async () => {
  await withTempDir(async (folder) => {
    const texts = Array.from({ length: 40 }, (_, i) => `text ${i}`);
    const rows = (from: number) => Array.from({ length: 10 }, (_, i) => from + i);
    // One after the other, though both were opened before: the second adds to what the first wrote.
    const caches = [0, 10].map((from) => {
      const cache = new TokenCache({ folder });
      const tokenized = new TokenizedTexts(texts, tokenizer, { name: "texts", cache });
      for (const row of rows(from)) tokenized.ids(row);
      return { cache, key: tokenized.key };
    });
    for (const { cache } of caches) await cache.save();
    const path = join(folder, `${caches[0].key}.safetensors`);
    const stored = readTokens(path, caches[0].key, texts.length);
    assert.deepEqual(rows(0).concat(rows(10)).map((row) => stored.ids(row) !== undefined), [
      ...new Array(20).fill(true),
    ]);

    // At the same time: whoever comes last, nothing is broken.
    await Promise.all(
      [0, 10, 20, 30].map((from) => use({ folder, texts, rows: rows(from) })),
    );
    const { asked, before } = await use({ folder, texts });
    assert.ok(asked.length <= 20, `${asked.length} of 40 texts were lost`);
    assert.match(before.join(), /^tokens from the cache .*: \d+ of 40 texts$/);
    assert.deepEqual(names(folder).length, 1);
  });
});

Deno.test("beyond its limit the cache lets go what was used the longest ago", async () => {
  await withTempDir(async (folder) => {
    const lists = Array.from({ length: 4 }, (_, i) => TEXTS.map((text) => `${i} ${text}`));
    const paths: string[] = [];
    for (const [i, texts] of lists.entries()) {
      const { path } = await use({ folder, texts });
      paths.push(path);
      const used = new Date(Date.now() - (10 - i) * HOUR);
      await Deno.utime(path, used, used);
    }
    await Deno.writeTextFile(join(folder, "mine.txt"), "x".repeat(10_000));
    const { size } = await Deno.stat(paths[0]);
    // Reading counts as use: now the second is the oldest.
    await use({ folder, texts: lists[0] });
    const { path } = await use({ folder, maxBytes: 3.5 * size });
    assert.deepEqual(
      names(folder),
      [paths[0], paths[3], path, join(folder, "mine.txt")]
        .map((kept) => kept.slice(folder.length + 1)).sort(),
    );

    // What alone is larger than the limit is not kept.
    await use({ folder, texts: ["another"], maxBytes: 1 });
    assert.deepEqual(names(folder), ["mine.txt"]);
  });
});

Deno.test("what a process that was killed has left goes after an hour", async () => {
  await withTempDir(async (folder) => {
    const { path } = await use({ folder, rows: [0] });
    const name = path.slice(folder.length + 1);
    const [old, fresh] = ["a", "b"].map((id) => `.${name}.${id}.tmp`);
    for (const temporary of [old, fresh]) await Deno.writeTextFile(join(folder, temporary), "");
    const then = new Date(Date.now() - 2 * HOUR);
    await Deno.utime(join(folder, old), then, then);
    await use({ folder });
    assert.deepEqual(names(folder), [fresh, name]);
  });
});

Deno.test("a dataset's examples and labels are the same with and without the cache", async () => {
  await withTempDir(async (folder) => {
    const path = fileURLToPath(new URL("../../demo/dialogues", import.meta.url));
    const examples = async (cache: TokenCache | null, of: Tokenizer): Promise<Example[]> => {
      const test = (await loadDataset(path, of, { cache })).split("test");
      const labels = test.labels(8);
      const rows = Array.from({ length: 40 }, (_, row) => ({
        ...test.example(row),
        labels: labels.ids(row),
      }));
      await cache?.save();
      return rows;
    };
    const expected = await examples(null, tokenizer);
    assert.ok(expected.some(({ query }) => query.length > 100));
    assert.deepEqual(await examples(new TokenCache({ folder }), tokenizer), expected);
    const { tokenizer: counted, asked } = counting();
    assert.deepEqual(await examples(new TokenCache({ folder }), counted), expected);
    assert.deepEqual(asked, []);
  });
});
