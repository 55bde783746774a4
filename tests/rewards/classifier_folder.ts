import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The demo's classifier in our own format, with its vocab.json and merges.txt. */
export const CLASSIFIER: string = fileURLToPath(
  new URL("../../demo/tiny-roberta-toxicity", import.meta.url),
);
const ONNX = fileURLToPath(new URL("../fixtures/tiny-roberta-toxicity.onnx", import.meta.url));

/**
 * Fills a folder with the demo's classifier in ONNX form, as on the Hub, without other weights.
 *
 * @returns the folder
 */
export async function onnxFolder(dir: string): Promise<string> {
  const names = ["config.json", "vocab.json", "merges.txt", "tokenizer_config.json"];
  for (const name of [...names, "special_tokens_map.json"]) {
    await Deno.copyFile(join(CLASSIFIER, name), join(dir, name));
  }
  await Deno.mkdir(join(dir, "onnx"));
  await Deno.copyFile(ONNX, join(dir, "onnx", "model.onnx"));
  return dir;
}
