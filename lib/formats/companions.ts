import { join } from "node:path";
import { UserError } from "../errors.ts";
import { fileExists } from "./hf_config.ts";
import { ioReason } from "./io_error.ts";

/** What a model's folder has beside its weights. */
const COMPANIONS = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "spiece.model",
  "vocab.json",
  "merges.txt",
];

/**
 * Copies what a model's folder has beside its weights, its config.json and tokenizer files, into
 * another folder.
 *
 * @throws UserError when a file cannot be copied.
 */
export async function copyCompanions(modelDir: string, outputDir: string): Promise<void> {
  for (const name of COMPANIONS) {
    const source = join(modelDir, name);
    if (!await fileExists(source)) continue;
    try {
      await Deno.writeFile(join(outputDir, name), await Deno.readFile(source));
    } catch (error) {
      throw new UserError(`Cannot copy ${source} to ${outputDir}: ${ioReason(error)}.`, {
        cause: error,
      });
    }
  }
}
