import assert from "node:assert/strict";
import { join } from "node:path";
import { writeSafetensors } from "../../lib/formats/safetensors.ts";
import type { TensorData } from "../../lib/formats/tensor_file.ts";
import { writeTorchFile } from "../../lib/formats/torch_bin_writer.ts";
import { EncoderClassifier } from "../../lib/models/encoder_classifier.ts";
import { parseEncoderConfig } from "../../lib/models/encoder_config.ts";
import { RandomSource } from "../../lib/models/random_weights.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import { FrozenStore } from "../../lib/models/weight_store.ts";
import { Context } from "../../lib/tensor/context.ts";
import { withDevice } from "../device.ts";
import { withTempDir } from "../temp_dir.ts";

const PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "you", "are", "dumb", "kind", "."];
const config = {
  model_type: "bert",
  vocab_size: PIECES.length,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 24,
  max_position_embeddings: 6,
  id2label: { 0: "nothate", 1: "hate" },
};

for (const file of ["model.safetensors", "pytorch_model.bin"]) {
  Deno.test(`a BERT folder with vocab.txt and ${file} is a classifier of texts`, () =>
    withDevice((device) =>
      withTempDir(async (dir) => {
        await Deno.writeTextFile(join(dir, "config.json"), JSON.stringify(config));
        await Deno.writeTextFile(join(dir, "vocab.txt"), PIECES.join("\n"));
        const tensors = new Map<string, TensorData>();
        const random = new RandomSource(1);
        const source = {
          has: () => true,
          read(name: string, shape: readonly number[]) {
            const data = random.read(name, shape).slice();
            tensors.set(name, { dtype: "F32", shape, data });
            return data;
          },
        };
        const parsed = parseEncoderConfig(config, "");
        const model = new EncoderClassifier(device, parsed, new FrozenStore(device, source, "f32"));
        const write = file.endsWith(".bin") ? writeTorchFile : writeSafetensors;
        await write(join(dir, file), tensors);

        const classifier = await SequenceClassifier.load(device, dir);
        assert.deepEqual([classifier.labels, classifier.maxLength], [["nothate", "hate"], 6]);
        const { logits, truncated } = await classifier.logits(["You are kind.", "dumb ".repeat(9)]);
        assert.equal(truncated, 1);
        const cx = new Context(device);
        const ids = [[2, 5, 6, 8, 9, 3], [2, 7, 7, 7, 7, 3]];
        const expected = await model.logits(cx, ids).read();
        cx.release();
        assert.deepEqual(logits.flat(), [...expected]);
      })
    ));
}
