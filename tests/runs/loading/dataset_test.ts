/** The dataset's cache in whole runs: the same results with it, without it, and whatever is in it. */
import assert from "node:assert/strict";
import { unknownTokensNotice } from "../../../lib/runs/loading/dataset.ts";
import { join } from "node:path";
import { compare } from "../../../lib/runs/commands/compare.ts";
import { resolveTrainConfig } from "../../../lib/runs/settings/config.ts";
import { evaluate } from "../../../lib/runs/commands/evaluate.ts";
import { resolveSftConfig } from "../../../lib/runs/settings/sft_config.ts";
import { sft } from "../../../lib/runs/loop/sft.ts";
import { train } from "../../../lib/runs/loop/train.ts";
import { withFolder } from "../../cli/temper.ts";
import { dpo } from "../../../lib/runs/kinds/dpo/kind.ts";
import { grpo } from "../../../lib/runs/kinds/grpo/kind.ts";
import { reward } from "../../../lib/runs/kinds/reward/kind.ts";
import { run, type RunHooks } from "../../../lib/runs/loop/run.ts";
import { resolveGrpoRunConfig } from "../../../lib/runs/settings/group_config.ts";
import { resolveDpoRunConfig } from "../../../lib/runs/settings/preference_config.ts";
import { resolveRewardRunConfig } from "../../../lib/runs/settings/reward_config.ts";
import { outcome, SMALL, smallGroup, smallPreference, smallRun, smallSft } from "../small_run.ts";

const FROM_CACHE = /^tokens from the cache /;

/** What a run told of the cache. */
interface Told {
  datasetCacheFolder: string;
  info(text: string): void;
  cache(): string[];
}

function told(entries: string): Told {
  const texts: string[] = [];
  return {
    datasetCacheFolder: entries,
    info: (text) => void texts.push(text),
    cache: () => texts.filter((text) => /\bcache\b/.test(text)),
  };
}

/** Runs `body` with a cache of its own, in a folder beside its results. */
async function withCache(body: (folder: string, entries: string) => Promise<void>): Promise<void> {
  await withFolder((folder) => body(folder, join(folder, "datasets")));
}

const entriesOf = (entries: string) =>
  Array.from(Deno.readDirSync(entries), ({ name }) => join(entries, name)).sort();

/** Breaks every entry in the same way. */
async function damage(entries: string, edit: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  for (const path of entriesOf(entries)) {
    await Deno.writeFile(path, edit(await Deno.readFile(path)));
  }
}

Deno.test("train: without, with an empty, a full, a damaged, another's and no usable cache", async () => {
  await withCache(async (folder, entries) => {
    const run = async (name: string, settings = {}) => {
      const output = join(folder, name);
      const screen = told(entries);
      await train(smallRun(output, { datasetCache: true, ...settings }), screen);
      return { outcome: await outcome(output), said: screen.cache(), output };
    };
    const expected = await run("without", { datasetCache: false });
    assert.throws(() => Deno.statSync(entries), Deno.errors.NotFound);
    assert.deepEqual(expected.said, []);

    // Entries of other prompts have other keys.
    const other = await run("other", { prompt: "{dialogue}", steps: 1 });
    assert.equal(entriesOf(entries).length, 2);
    const empty = await run("empty");
    assert.deepEqual([...other.said, ...empty.said], []);
    assert.deepEqual(empty.outcome, expected.outcome);
    assert.equal(entriesOf(entries).length, 4);

    const whole = await Promise.all(entriesOf(entries).map((path) => Deno.readFile(path)));
    const full = await run("full");
    assert.deepEqual(full.outcome, expected.outcome);
    const [line, ...more] = full.said;
    assert.deepEqual(more, []);
    assert.match(line, FROM_CACHE);
    assert.match(line, /: 2 of 400 test prompts, 10 of 1600 train prompts$/);
    assert.ok((await Deno.readTextFile(join(full.output, "log.txt"))).includes(line));

    await damage(entries, (bytes) => bytes.with(bytes.length - 40, bytes.at(-40)! ^ 1));
    const damaged = await run("damaged");
    assert.deepEqual(damaged.outcome, expected.outcome);
    assert.equal(damaged.said.length, 2);
    for (const text of damaged.said) assert.match(text, /^tokens in the cache are made anew: /);
    // The entries of this run's prompts are whole again.
    const mended = await Promise.all(entriesOf(entries).map((path) => Deno.readFile(path)));
    assert.equal(mended.filter((bytes, i) => Buffer.compare(bytes, whole[i]) === 0).length, 2);
    const again = await run("again");
    assert.deepEqual(again.outcome, expected.outcome);
    assert.match(
      again.said.join(),
      /^tokens from the cache [^\n]+: 2 of 400 .* 10 of 1600 [^\n]+$/,
    );

    await Deno.remove(entries, { recursive: true });
    await Deno.writeTextFile(entries, "a file in the place of the folder");
    const unusable = await run("unusable");
    assert.deepEqual(unusable.outcome, expected.outcome);
    assert.match(unusable.said.join("\n"), /^tokens are not kept in the cache .*$/m);
  });
});

Deno.test("evaluate, compare and sft: the same from the cache as without it", async () => {
  await withCache(async (folder, entries) => {
    const settings = { ...SMALL, evalSamples: 3 };
    const evaluations = [];
    const comparisons = [];
    const adapter = join(folder, "run/adapter");
    await train(smallRun(join(folder, "run"), { steps: 1 }));
    for (const datasetCache of [false, true, true]) {
      const config = resolveTrainConfig({ ...settings, datasetCache });
      const screen = told(entries);
      const evaluated = await evaluate(config, screen);
      const options = { before: null, after: adapter, samples: 4 };
      const compared = await compare(config, options, screen);
      evaluations.push(evaluated);
      comparisons.push({ rows: compared, said: screen.cache() });
    }
    assert.deepEqual(evaluations[1], evaluations[0]);
    assert.deepEqual(evaluations[2], evaluations[0]);
    const [without, cold, warm] = comparisons;
    assert.deepEqual([cold.rows, warm.rows], [without.rows, without.rows]);
    assert.deepEqual(without.said, []);
    // compare finds what evaluate left.
    assert.deepEqual(cold.said.map((text) => FROM_CACHE.test(text)), [true]);
    assert.match(cold.said[0], /: 3 of 400 test prompts$/);
    assert.match(warm.said.join("\n"), /: 4 of 400 test prompts\n.*: 4 of 400 test prompts$/);

    await Deno.remove(entries, { recursive: true });
    const results = [];
    for (const [i, datasetCache] of [false, true, true].entries()) {
      const output = join(folder, `sft-${i}`);
      const screen = told(entries);
      const config = resolveSftConfig({
        steps: 2,
        batchSize: 2,
        evalSamples: 2,
        evalMaxNewTokens: 4,
        device: "wasm",
        threads: 1,
        output,
        datasetCache,
      });
      const { summary: { loss, rouge } } = await sft(config, screen);
      const weights = await Deno.readFile(join(output, "adapter/adapter_model.safetensors"));
      results.push({ loss, rouge, weights, said: screen.cache() });
    }
    const { said: _, ...expected } = results[0];
    for (const { said, ...result } of results.slice(1)) {
      assert.deepEqual(result, expected);
      assert.ok(said.length <= 1);
    }
    assert.deepEqual([results[0].said, results[1].said], [[], []]);
    const counts = "4 of 1600 train prompts|4 of 1600 train summaries|2 of 400 test prompts|" +
      "2 of 400 test summaries";
    assert.equal(results[2].said[0].match(new RegExp(counts, "g"))?.length, 4);
  });
});

Deno.test("a run that stops half way has kept its tokens", async () => {
  await withCache(async (folder, entries) => {
    const stop = new AbortController();
    const output = join(folder, "run");
    const hooks = { ...told(entries), stepped: () => stop.abort() };
    const { signal } = stop;
    await assert.rejects(train(smallRun(output, { datasetCache: true }), hooks, { signal }), {
      name: "RunInterruptedError",
    });
    assert.equal(entriesOf(entries).length, 2);
    const screen = told(entries);
    // Whether it is cached is not what a resumed run must have in common with its start.
    await train(smallRun(output, { datasetCache: true }), screen, { resume: true });
    assert.match(screen.cache().join(), /: 2 of 400 test prompts, 4 of 1600 train prompts$/);
  });
});

Deno.test("evaluate says how many rows are left out, and that the tokenizer lacks the words", async () => {
  await withFolder(async (folder) => {
    const dataset = join(folder, "test.jsonl");
    const rows = ["今天天气很好，我们去公园玩吧。 ".repeat(20), "too short", "y".repeat(2000)];
    Deno.writeTextFileSync(
      dataset,
      rows.map((dialogue) => JSON.stringify({ dialogue })).join("\n"),
    );
    const texts: string[] = [];
    const config = resolveTrainConfig({
      ...SMALL,
      dataset: folder,
      evalSamples: 1,
      datasetCache: false,
    });
    await evaluate(config, { info: (text) => void texts.push(text) });
    assert.deepEqual(texts.slice(0, 1), [
      "2 of 3 rows left out: their texts are not of 200 to 1000 characters",
    ]);
    assert.match(
      texts[1],
      /^warning: \d\d % of the tokens of 1 prompts are unknown to the tokenizer \(<unk>\)/,
    );
    const known = { inputIds: [5, 6, 7] };
    assert.equal(unknownTokensNotice([known], { unkTokenId: 2 }), null);
    assert.equal(unknownTokensNotice([{ inputIds: [2, 2] }], { unkTokenId: null }), null);
  });
});

const CACHED = { datasetCache: true };
const KINDS: Record<string, (output: string, hooks: RunHooks) => Promise<unknown>> = {
  ppo: (output, hooks) => train(smallRun(output, CACHED), hooks),
  sft: (output, hooks) => sft(smallSft(output, CACHED), hooks),
  grpo: (output, hooks) =>
    run(grpo, resolveGrpoRunConfig({ ...smallGroup(output), ...CACHED }), hooks),
  dpo: (output, hooks) =>
    run(dpo, resolveDpoRunConfig({ ...smallPreference(output), ...CACHED }), hooks),
  reward: (output, hooks) =>
    run(reward, resolveRewardRunConfig({ ...CACHED, device: "wasm", threads: 1, output }), hooks),
};
for (const [kind, start] of Object.entries(KINDS)) {
  Deno.test(`${kind}: a run that does not start after its dataset was loaded closes it, without a line`, () =>
    withCache(async (folder, entries) => {
      const output = join(folder, "run");
      const lines: string[] = [];
      const info = (line: string) => {
        if (line.startsWith("device: ")) throw new Error("no run today");
        lines.push(line);
      };
      const hooks = { datasetCacheFolder: entries, info };
      await assert.rejects(start(output, hooks), { message: "no run today" });
      // Closed, it keeps the tokens that were made.
      assert.ok(entriesOf(entries).length > 0);
      await assert.rejects(start(output, hooks), { message: "no run today" });
      assert.deepEqual(lines.filter((line) => /\bcache\b/.test(line)), []);
    }));
}
