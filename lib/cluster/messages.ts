import { UserError } from "../errors.ts";
import type { KvEntry } from "../packages/nats.ts";
import { z } from "../packages/zod.ts";
import { workerFields } from "../runs/kinds/fleet/fleet_state.ts";

/** Version of the messages: machines with another one do not work together. */
export const PROTOCOL = 1;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();

const runEntry = z.object({
  protocol: z.literal(PROTOCOL),
  /** Settings of the run. */
  config: z.looseObject({ kind: z.string() }),
  /** Settings of the adapter. */
  lora: z.looseObject({ r: z.int().positive(), loraAlpha: z.number(), loraDropout: z.number() }),
  /** Names and shapes of the policy's parameters, in their order. */
  layout: z.array(z.tuple([z.string(), z.array(count)])),
  /** Fingerprints of what the trainer loaded. */
  fingerprints: z.record(z.string(), z.string()),
});

/** A run as its workers need to know it. */
export type RunEntry = z.output<typeof runEntry>;

const work = z.object({
  step: z.int().positive(),
  /** Place of the prompt in the step. */
  prompt: count,
  /** Digest of the policy's parameters. */
  policy: digest,
  text: z.string(),
  tokens: z.array(count).min(1),
  columns: z.record(z.string(), z.unknown()),
  firstRollout: count,
  responses: z.int().positive(),
  maxNewTokens: z.int().positive(),
});

/** A prompt to respond to. */
export type Work = z.output<typeof work>;

const numbers = z.array(z.number()).nullable();

const result = z.object({
  /** Digest of the parameters that responded. */
  policy: digest,
  /** Name of the worker. */
  worker: z.string(),
  tokens: z.array(count),
  logprobs: numbers,
  values: numbers,
  /** Scores of the rewards that the worker computes, by their places in the run's `reward`. */
  scores: z.record(z.string().regex(/^\d+$/), z.number().nullable()),
  /** Seconds that the worker took for the response: an equal share of its batch's. */
  seconds: z.number().nonnegative(),
  /** Why there is no response: logits that are not finite. */
  failure: z.string().optional(),
});

/** A response. */
export type Result = z.output<typeof result>;

const worker = z.object(workerFields);

/** A worker's heartbeat. */
export type WorkerEntry = z.output<typeof worker>;

const lease = z.object({
  /** Id of the process that trains. */
  holder: z.string(),
  host: z.string(),
  /** Step in progress; 0 before the first. */
  step: count,
  steps: count,
});

/** A trainer's heartbeat. */
export type LeaseEntry = z.output<typeof lease>;

const schemas = { run: runEntry, work, result, worker, lease };

/** Messages, by their kinds. */
export interface Messages {
  run: RunEntry;
  work: Work;
  result: Result;
  worker: WorkerEntry;
  lease: LeaseEntry;
}

/**
 * Writes a message, as JSON: that keeps every bit of an f32.
 *
 * @param limit maximum size, in bytes: the server's `max_payload`
 * @throws {UserError} when it is larger
 */
export function encode<Kind extends keyof Messages>(
  kind: Kind,
  message: Messages[Kind],
  limit: number,
): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(message));
  if (bytes.length <= limit) return bytes;
  throw new UserError(
    `a message (${kind}) of ${bytes.length} bytes is larger than NATS takes (${limit}): raise ` +
      "max_payload in the server's configuration, or make prompts and responses shorter",
  );
}

/** Reads a message; null if it is not one of this kind. */
export function decode<Kind extends keyof Messages>(
  kind: Kind,
  bytes: Uint8Array,
): Messages[Kind] | null {
  try {
    const parsed = schemas[kind].safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? parsed.data as Messages[Kind] : null;
  } catch {
    return null;
  }
}

/** Reads a message that is a bucket's entry; null if there is none, or it is not one of this kind. */
export function decodeEntry<Kind extends keyof Messages>(
  kind: Kind,
  entry: Pick<KvEntry, "operation" | "value"> | null,
): Messages[Kind] | null {
  return entry?.operation === "PUT" ? decode(kind, entry.value) : null;
}
