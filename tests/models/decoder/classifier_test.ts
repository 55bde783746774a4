import assert from "node:assert/strict";
import { join } from "node:path";
import type { Device } from "../../../lib/device/device.ts";
import { type JsonObject, readJsonIfThere } from "../../../lib/formats/hf_config.ts";
import { AdaptedSource } from "../../../lib/models/adapted_source.ts";
import {
  configureDecoderClassifier,
  type DecoderClassifier,
} from "../../../lib/models/decoder/classifier.ts";
import { DecoderForCausalLM } from "../../../lib/models/decoder/decoder.ts";
import { loadLanguageModel } from "../../../lib/models/registry.ts";
import { CheckpointSource, FrozenStore } from "../../../lib/models/weight_store.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { Packed } from "../../../lib/tensor/packed.ts";
import { withDevice } from "../../device.ts";
import { goldenCausalDir } from "../../golden_causal/folder.ts";
import { randomValues } from "../../numeric.ts";
import { assertClose } from "../../reference/check.ts";

const LABELS = 3;
const PAD = 5;
/** One of padding tokens alone, and some with them within and at their ends. */
const TEXTS = [[7, 8, 9, PAD, PAD], [PAD, 11, PAD, 12, 13], [14], [PAD, PAD]];
/** Tokens up to the one that is scored. */
const READ = [[7, 8, 9], [PAD, 11, PAD, 12, 13], [14], [PAD]];

const folderOf = (family: string) => join(goldenCausalDir, family, "checkpoint");

/** A head on a language model, whose config.json says that there are `LABELS` labels. */
async function classifierOn(device: Device, family: string, changes: object = {}) {
  const folder = folderOf(family);
  const own = await readJsonIfThere(folder, "config.json");
  const json: JsonObject = { ...own, num_labels: LABELS, pad_token_id: PAD, ...changes };
  const { configure } = configureDecoderClassifier(json, "config.json");
  using checkpoint = await CheckpointSource.open(folder);
  const width = Number(json.hidden_size ?? json.n_embd);
  const head = randomValues(LABELS * width, 3);
  const values = { shape: [LABELS, width], data: head };
  const source = new AdaptedSource(
    checkpoint,
    new Map([["score.weight", { kind: "values", values }]]),
  );
  const build = configure(source);
  const classifier = FrozenStore.build(device, source, "f32", (store) => build(device, store));
  return { classifier: classifier as DecoderClassifier, head, width };
}

for (const family of ["gemma3", "gpt2", "llama", "llama3", "qwen2", "qwen3"]) {
  Deno.test(`a classifier on ${family}: the head's product with the last token's hidden state`, () =>
    withDevice(async (device) => {
      const { classifier, head, width } = await classifierOn(device, family);
      assert.deepEqual(classifier.labels, ["LABEL_0", "LABEL_1", "LABEL_2"]);
      const model = await loadLanguageModel(device, folderOf(family));
      assert.ok(model instanceof DecoderForCausalLM);
      const cx = new Context(device);
      const hidden = await model.encode(cx, Packed.create(cx, READ), null).read();
      let end = -1;
      const expected = READ.flatMap(({ length }) => {
        end += length;
        const row = hidden.subarray(end * width, (end + 1) * width);
        return Array.from(
          { length: LABELS },
          (_, label) => row.reduce((sum, x, i) => sum + x * head[label * width + i], 0),
        );
      });
      assertClose(await classifier.logits(cx, TEXTS).read(), expected, 1e-5, "logits");
      const alone = await classifier.logits(cx, [TEXTS[1]]).read();
      const together = await classifier.logits(cx, TEXTS).read();
      assert.deepEqual(alone, together.slice(LABELS, 2 * LABELS));
      cx.release();
    }));
}

Deno.test("without a padding token a text is scored at its last token", () =>
  withDevice(async (device) => {
    const { classifier } = await classifierOn(device, "llama", { pad_token_id: null });
    const cx = new Context(device);
    const [whole, cut] = [[[7, 8, 0]], [[7, 8]]].map((texts) => classifier.logits(cx, texts));
    assert.notDeepEqual(await whole.read(), await cut.read());
    cx.release();
  }));

Deno.test("a padding token that config.json leaves to the family is one all the same", () =>
  withDevice(async (device) => {
    const { classifier } = await classifierOn(device, "gemma3", { pad_token_id: undefined });
    const cx = new Context(device);
    const [whole, cut] = [[[7, 8, 0, 0]], [[7, 8]]].map((texts) => classifier.logits(cx, texts));
    assert.deepEqual(await whole.read(), await cut.read());
    cx.release();
  }));

Deno.test("texts of a wrong length or vocabulary, and a model without a head, are refused", () =>
  withDevice(async (device) => {
    const { classifier } = await classifierOn(device, "llama", { max_position_embeddings: 4 });
    assert.equal(classifier.maxLength, 4);
    const cx = new Context(device);
    const refused = (texts: number[][], message: RegExp) =>
      assert.throws(() => classifier.logits(cx, texts), { name: "UserError", message });
    refused([[1], []], /a text has 0 tokens, the classifier reads 1 to 4/);
    refused([[1, 2, 3, 4, 5]], /a text has 5 tokens/);
    refused([[1, 1e6]], /a text has the token 1000000, the model's vocabulary has/);
    cx.release();
    const json = await readJsonIfThere(folderOf("llama"), "config.json");
    using checkpoint = await CheckpointSource.open(folderOf("llama"));
    assert.throws(() => configureDecoderClassifier(json!, "config.json").configure(checkpoint), {
      name: "UserError",
      message:
        /^config\.json: the weights have no "score\.weight", the head of a classifier: is it/,
    });
  }));
