/**
 * The package is half a gigabyte with native code, so these tests stand in for it. The real one runs
 * where TEMPER_TEST_PIPELINE is set.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readByteLevelBpe } from "../../lib/data/byte_level_bpe.ts";
import { FolderFiles } from "../../lib/formats/model_files.ts";
import {
  PipelineClassifier,
  type TransformersModule,
} from "../../lib/rewards/pipeline_classifier.ts";
import { loadCase } from "../golden/cases.ts";
import { withTempDir } from "../temp_dir.ts";
import { onnxFolder } from "./classifier_folder.ts";

/** A stand-in whose logits are a text's length and minus it; it notes what it was asked for. */
function standIn(asked: unknown[]): TransformersModule {
  const env = { localModelPath: "", allowRemoteModels: true, remoteHost: "" };
  const tokenizer = Object.assign((texts: readonly string[]) => texts, {
    encode: (text: string) => [...text].map(() => 0),
    model_max_length: 8,
  });
  const model = Object.assign(
    (inputs: unknown) =>
      Promise.resolve({
        logits: { tolist: () => (inputs as string[]).map(({ length }) => [length, -length]) },
      }),
    {
      config: {
        id2label: { 1: "long", 0: "short" },
        max_position_embeddings: 6,
        problem_type: "multi_label_classification",
      },
    },
  );
  return {
    env,
    pipeline(task, name, options) {
      asked.push(task, name, options, { ...env });
      return Promise.resolve({ tokenizer, model });
    },
  };
}

Deno.test("raw logits in the order of the labels' ids, and what was cut", async () => {
  const asked: unknown[] = [];
  const classifier = await PipelineClassifier.load("org/name@v2", standIn(asked));
  assert.deepEqual(asked.slice(0, 3), [
    "text-classification",
    "org/name",
    { dtype: "fp32", revision: "v2" },
  ]);
  assert.deepEqual(classifier.labels, ["short", "long"]);
  assert.equal(classifier.maxLength, 6);
  assert.equal(classifier.problemType, "multi_label_classification");
  const { logits, truncated } = await classifier.logits(["abc", "abcdefg"]);
  assert.deepEqual(logits, [[3, -3], [7, -7]]);
  assert.equal(truncated, 1);
});

Deno.test("a folder is loaded from the disk alone", () =>
  withTempDir(async (dir) => {
    const asked: unknown[] = [];
    await PipelineClassifier.load(dir, standIn(asked));
    const { localModelPath, allowRemoteModels } = asked[3] as TransformersModule["env"];
    assert.equal(join(localModelPath, String(asked[1])), dir);
    assert.equal(allowRemoteModels, false);
  }));

Deno.test("a pipeline that does not load is one clear line", async () => {
  const failing = {
    ...standIn([]),
    pipeline: () => Promise.reject(new Error("Unauthorized\nstack")),
  };
  await assert.rejects(
    PipelineClassifier.load("org/name", failing),
    { name: "UserError", message: "the pipeline org/name does not load: Unauthorized" },
  );
});

Deno.test({
  name: "the real package gives the original stack's logits, within 1e-4",
  ignore: !Deno.env.has("TEMPER_TEST_PIPELINE"),
  fn: () =>
    withTempDir(async (dir) => {
      await onnxFolder(dir);
      // transformers.js reads tokenizer.json alone.
      const files = new FolderFiles(dir);
      const config = await files.requiredJson("tokenizer_config.json", "tokenizer");
      const special = await files.requiredJson("special_tokens_map.json", "tokenizer");
      const tokenizer = await readByteLevelBpe(files, { ...special, ...config }, special);
      await Deno.writeTextFile(join(dir, "tokenizer.json"), JSON.stringify(tokenizer));
      const { json, arrays } = loadCase<{ texts: string[] }>("toxicity");
      const classifier = await PipelineClassifier.load(dir);
      const { logits } = await classifier.logits(json.texts);
      const expected = arrays.floats("logits");
      assert.equal(logits.flat().length, expected.length);
      logits.flat().forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-4));
    }),
});
