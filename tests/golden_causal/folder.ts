/**
 * Golden cases of decoder-only models, in the form of tests/golden_causal/cases.
 *
 * TEMPER_GOLDEN_CAUSAL   folder of the cases, default tests/golden_causal/cases
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assetUrl } from "../../assets.ts";

/** Folder of the repository's own cases, whichever are tested. */
export const ownCases: string = fileURLToPath(assetUrl("tests/golden_causal/cases"));

/** Folder that holds the cases. */
export const goldenCausalDir: string = Deno.env.get("TEMPER_GOLDEN_CAUSAL") ?? ownCases;

/** Reads a JSON file of the cases. */
export function readCase<T>(...path: string[]): T {
  return JSON.parse(Deno.readTextFileSync(join(goldenCausalDir, ...path)));
}

/** Names of the tokenizers' folders, which the cases have as well. */
export function tokenizerNames(): string[] {
  return Array.from(Deno.readDirSync(join(goldenCausalDir, "tokenizers")))
    .filter((entry) => entry.isDirectory)
    .map((entry) => entry.name)
    .sort();
}
