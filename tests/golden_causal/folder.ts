/**
 * Golden cases of decoder-only models, in the form of tests/golden_causal/cases.
 *
 * TEMPER_GOLDEN_CAUSAL   folder of the cases, default tests/golden_causal/cases
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder that holds the cases. */
export const goldenCausalDir: string = Deno.env.get("TEMPER_GOLDEN_CAUSAL") ??
  fileURLToPath(new URL("./cases", import.meta.url));

/** Reads a JSON file of the cases. */
export function readCase<T>(...path: string[]): T {
  return JSON.parse(Deno.readTextFileSync(join(goldenCausalDir, ...path)));
}
