/**
 * Golden cases of decoder-only models, in the form of tests/golden_causal/cases.
 *
 * TEMPER_GOLDEN_CAUSAL   folder of the cases, default tests/golden_causal/cases
 */
import { assetUrl } from "../../assets.ts";
import { environmentVariable } from "../../lib/platform/environment.ts";
import { readTextNow } from "../../lib/platform/files.ts";
import { fileURLToPath, join } from "../../lib/platform/paths.ts";
import { foldersIn } from "../golden/entries.ts";

/** Folder of the repository's own cases, whichever are tested. */
export const ownCases: string = fileURLToPath(assetUrl("tests/golden_causal/cases"));

/** Folder that holds the cases. */
export const goldenCausalDir: string = environmentVariable("TEMPER_GOLDEN_CAUSAL") ?? ownCases;

/** Reads a JSON file of the cases. */
export function readCase<T>(...path: string[]): T {
  return JSON.parse(readTextNow(join(goldenCausalDir, ...path)));
}

/** Names of the tokenizers' folders, which the cases have as well. */
export function tokenizerNames(): string[] {
  return foldersIn(goldenCausalDir, "tokenizers");
}
