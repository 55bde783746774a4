import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { RunLock } from "../../../lib/runs/folder/lock.ts";
import { publishedFiles } from "../../../lib/runs/commands/published_files.ts";
import { explained } from "../../hub/with_hub.ts";
import { withTempDir } from "../../temp_dir.ts";

/** Writes files that hold their own paths. */
function write(folder: string, paths: readonly string[]): void {
  for (const path of paths) {
    Deno.mkdirSync(join(folder, dirname(path)), { recursive: true });
    Deno.writeTextFileSync(join(folder, path), path);
  }
}

/** The published files as `<path in the repository> = <text>`. */
async function published(folder: string): Promise<string[]> {
  const files = await publishedFiles(folder);
  return await Promise.all(
    files.map(async ({ path, content }) => `${path} = ${await content.text()}`),
  );
}

const ADAPTER = ["adapter_config.json", "adapter_model.safetensors"];

Deno.test("of a run: the adapter at the top, its records in run/, and nothing private", async () => {
  await withTempDir(async (folder) => {
    write(folder, [
      ...[...ADAPTER, "value_head.safetensors", "README.md"].map((name) => `adapter/${name}`),
      ...["config.json", "metrics.jsonl", "summary.json"],
      ...["comparison.csv", "answers.jsonl", "summaries.jsonl", "pairs.jsonl"],
      ...["environment.json", "log.txt", "samples.jsonl", "checkpoint-1/adapter_config.json"],
    ]);
    assert.deepEqual(await published(folder), [
      "adapter_config.json = adapter/adapter_config.json",
      "adapter_model.safetensors = adapter/adapter_model.safetensors",
      "value_head.safetensors = adapter/value_head.safetensors",
      "README.md = adapter/README.md",
      "run/config.json = config.json",
      "run/metrics.jsonl = metrics.jsonl",
      "run/summary.json = summary.json",
      "run/comparison.csv = comparison.csv",
      "run/answers.jsonl = answers.jsonl",
      "run/summaries.jsonl = summaries.jsonl",
      "run/pairs.jsonl = pairs.jsonl",
    ]);
  });
});

Deno.test("of a checkpoint: the adapter alone", async () => {
  await withTempDir(async (folder) => {
    write(folder, [...ADAPTER, "optimizer.safetensors", "trainer_state.json"]);
    assert.deepEqual(await published(folder), ADAPTER.map((name) => `${name} = ${name}`));
  });
});

Deno.test("of a run that trained all weights: the model; of a merged model, its files in shards", async () => {
  await withTempDir(async (folder) => {
    const model = ["config.json", "tokenizer.json", "chat_template.jinja", "README.md"];
    write(folder, [
      ...[...model, "model.safetensors", "notes.txt"].map((name) => `model/${name}`),
      ...["config.json", "metrics.jsonl", "log.txt"],
    ]);
    assert.deepEqual(
      (await published(folder)).sort(),
      [
        ...[...model, "model.safetensors"].map((name) => `${name} = model/${name}`),
        "run/config.json = config.json",
        "run/metrics.jsonl = metrics.jsonl",
      ].sort(),
    );
    const shards = [
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ];
    const merged = join(folder, "merged");
    write(merged, [...model, ...shards, "optimizer.safetensors"]);
    assert.deepEqual(
      (await published(merged)).sort(),
      [...model, ...shards].map((name) => `${name} = ${name}`).sort(),
    );
  });
});

Deno.test("a folder without an adapter, or a run in use, is refused", async () => {
  await withTempDir(async (folder) => {
    write(folder, ["config.json", "adapter/adapter_config.json"]);
    const without = explained(
      /is neither a run with a trained adapter or model nor one of these: expected /,
    );
    await assert.rejects(publishedFiles(folder), without);
    // A model's folder has a config.json as well: there is nothing to resume.
    await assert.rejects(publishedFiles(folder), { run: null });
    write(folder, ["environment.json"]);
    await assert.rejects(publishedFiles(folder), { run: folder });
    write(folder, ["adapter/adapter_model.bin"]);
    assert.equal((await publishedFiles(folder)).length, 3);
    using _ = await RunLock.acquire(folder);
    await assert.rejects(publishedFiles(folder), explained(/ is in use by process \d+: wait/));
  });
});

Deno.test("a folder that is not there, and a file in its place", async () => {
  await withTempDir(async (folder) => {
    const none = join(folder, "none");
    await assert.rejects(publishedFiles(none), {
      name: "UserError",
      message: `cannot read ${none}: it does not exist`,
    });
    Deno.writeTextFileSync(none, "");
    await assert.rejects(publishedFiles(none), {
      name: "UserError",
      message: `${none} is a file: expected the folder of a run`,
    });
  });
});
