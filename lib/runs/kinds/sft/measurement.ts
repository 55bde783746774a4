import { z } from "../../../packages/zod.ts";
import type { Example } from "../../../data/dataset.ts";
import { type MeanRouge, meanRouge, ROUGE_TYPES } from "../../../evaluation/rouge.ts";
import {
  generateInBatches,
  textGenerator,
  unlessAborted,
} from "../../../evaluation/text_generator.ts";
import { evaluateLoss, type SupervisedExample } from "../../../sft/supervised_pass.ts";
import type { SftSubject } from "./subject.ts";
import { rougeSchema } from "./summary.ts";

/** Quality of a model's answers to examples that it is not trained on. */
export interface SftMeasurement {
  /** Mean of -log p over the labels, in nats. */
  loss: number;
  /** Mean F-measures of the summaries, 0 … 1; null where there are no prompts. */
  rouge: MeanRouge | null;
  /** Greedy summaries of the examples. */
  summaries: string[];
}

/**
 * Measures loss and ROUGE.
 *
 * @param examples texts to summarize, with their references
 * @param held the same, as tokens
 * @throws the signal's reason when it aborts
 */
export async function measureSummaries(
  { model, tokenizer, adapter }: SftSubject,
  examples: readonly Example[],
  held: readonly SupervisedExample[],
  maxNewTokens: number,
  signal?: AbortSignal,
): Promise<SftMeasurement> {
  const loss = await evaluateLoss({ model, adapter }, held);
  const generate = textGenerator(model, tokenizer, { maxNewTokens }, adapter);
  const summaries = await generateInBatches(unlessAborted(generate, signal), examples);
  const references = examples.map(({ summary }) => summary);
  const rouge = examples.length === 0 ? null : meanRouge(references, summaries);
  return { loss, rouge, summaries };
}

const schema: z.ZodType<SftMeasurement> = z.object({
  loss: z.number(),
  rouge: rougeSchema.nullable(),
  summaries: z.array(z.string()),
});

/** Checks a measurement from a file; null for a broken one, or one on another number of examples. */
export function parseSftMeasurement(json: unknown, examples: number): SftMeasurement | null {
  const { data } = schema.safeParse(json);
  return data?.summaries.length === examples ? data : null;
}

/** Describes a measurement in one line. */
export function sftMeasurementLine(title: string, { loss, rouge }: SftMeasurement): string {
  const scores = rouge ? ROUGE_TYPES.map((type) => `${type} ${rouge[type].toFixed(4)}`) : [];
  return [`${title}: loss ${loss.toFixed(4)}`, ...scores].join("  ");
}
