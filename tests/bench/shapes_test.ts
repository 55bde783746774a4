import assert from "node:assert/strict";
import { DECODER_SHAPES, type DecoderShape } from "../../bench/shapes.ts";
import { decoderParameterCount } from "../../lib/models/decoder/checkpoint.ts";
import { parseDecoderConfig } from "../../lib/models/decoder/families.ts";

/** Parameters of the published models, as transformers counts them. */
const PUBLISHED: Partial<Record<DecoderShape, number>> = {
  "smollm2-135m": 134_515_008,
  "qwen2.5-0.5b": 494_032_768,
  "qwen3-0.6b": 596_049_920,
  "llama-3.2-1b": 1_235_814_400,
  "gemma-3-270m": 268_098_176,
};

for (const [name, count] of Object.entries(PUBLISHED)) {
  Deno.test(`the shape of ${name} has as many parameters as the model`, () => {
    const config = parseDecoderConfig(DECODER_SHAPES[name as DecoderShape], "config.json");
    assert.equal(decoderParameterCount(config), count);
  });
}
