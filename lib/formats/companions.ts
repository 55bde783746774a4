import { UserError } from "../errors.ts";
import { writeFile } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";
import { type ModelFiles, modelFiles } from "./model_files.ts";

/** Files of a model beside its weights. */
export const COMPANIONS: readonly string[] = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "spiece.model",
  "tokenizer.model",
  "vocab.json",
  "vocab.txt",
  "merges.txt",
  "chat_template.jinja",
];

/**
 * Copies a model's config.json and tokenizer files, all but its weights, into a folder.
 *
 * @throws UserError when a file cannot be copied.
 */
export async function copyCompanions(
  model: string | ModelFiles,
  outputDir: string,
): Promise<void> {
  const files = modelFiles(model);
  for (const name of COMPANIONS) {
    const bytes = await files.bytes(name);
    if (!bytes) continue;
    try {
      await writeFile(join(outputDir, name), bytes);
    } catch (error) {
      throw new UserError(`cannot copy ${files.pathOf(name)} to ${outputDir}: ${ioReason(error)}`, {
        cause: error,
      });
    }
  }
}
