import { tokenizerConfig } from "../../data/tokenizer_config.ts";
import { UserError } from "../../errors.ts";
import { modelFiles } from "../../formats/model_files.ts";
import { hubSettings } from "../../hub/settings.ts";
import { isNotAllowed } from "../../platform/files.ts";
import { resolveRepo } from "../../hub/resolve.ts";
import { resolveAsset } from "../settings/demo.ts";

/**
 * Tells whether a model comes with a chat template; false as well where it is not on this machine, or
 * not readable, which whoever loads it explains.
 */
export async function hasChatTemplate(model: string): Promise<boolean> {
  try {
    const path = await resolveAsset(model);
    const files = modelFiles(
      await resolveRepo("model", path, {}, { ...hubSettings(), offline: true }),
    );
    if (await files.has("chat_template.jinja")) return true;
    return Boolean((await tokenizerConfig(files)).chat_template);
  } catch (error) {
    if (error instanceof UserError || isNotAllowed(error)) return false;
    throw error;
  }
}
