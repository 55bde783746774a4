import { z } from "../../packages/zod.ts";
import type { PolicyToxicity } from "../../evaluation/evaluate_policy.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";

const measurementSchema = z.object({
  count: z.int(),
  mean: z.number(),
  std: z.number(),
  interval: z.tuple([z.number(), z.number()]),
  truncated: z.int(),
  samples: z.array(z.object({ query: z.string(), response: z.string(), toxicity: z.number() })),
});

/** Writes a measurement of toxicity. @throws {UserError} naming the file and the reason */
export async function writeMeasurement(path: string, toxicity: PolicyToxicity): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(toxicity, null, 2) + "\n");
}

/**
 * Reads a measurement of toxicity on these queries; null where there is none, or not of these: then it
 * is to be made again, which gives the same.
 */
export async function readMeasurement(
  path: string,
  queries: readonly string[],
): Promise<PolicyToxicity | null> {
  let json: unknown;
  try {
    json = JSON.parse(await Deno.readTextFile(path));
  } catch {
    return null;
  }
  const { data } = measurementSchema.safeParse(json);
  const isOfThese = data?.samples.length === queries.length &&
    data.samples.every(({ query }, i) => query === queries[i]);
  return isOfThese ? data : null;
}
