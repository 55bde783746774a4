import { z } from "../../../packages/zod.ts";

/** File in a run's folder with the state of its workers, while a trainer has some. */
export const FLEET_STATE_FILE = "workers.json";

/** Maximum number of workers in the file. */
export const MAX_LISTED_WORKERS = 200;

const count = z.int().nonnegative();
const rate = z.number().nonnegative();

/** Facts that a worker tells about itself. */
export const workerFields = {
  /** Device that computes. */
  device: z.string(),
  state: z.enum(["loading", "waiting", "working"]),
  /** Responses so far. */
  rollouts: count,
  /** Tokens generated a second, while working. */
  tokensPerSecond: rate,
  /** Share of the time since it was ready that it had no work, 0 … 1. */
  idle: z.number().min(0).max(1),
};

const schema = z.object({
  /** Address of the server, without credentials. */
  address: z.string(),
  /** Step in progress. */
  step: count,
  /** First digits of the SHA-256 of the policy that responds to its prompts; empty before the first. */
  policy: z.string(),
  /** Steps between that policy and the one that is trained. */
  staleness: count,
  /** Prompts that no worker has taken. */
  waiting: count,
  /** Prompts that workers are responding to. */
  working: count,
  /** Responses of later steps that are ready. */
  ready: count,
  /** Workers, by name. */
  workers: z.array(z.object({ name: z.string(), ...workerFields })).max(MAX_LISTED_WORKERS),
});

/** State of a run's workers, as its trainer sees it. */
export type FleetState = z.output<typeof schema>;

/** Reads a state; null if it is not one. */
export function parseFleetState(json: unknown): FleetState | null {
  const parsed = schema.safeParse(json);
  return parsed.success ? parsed.data : null;
}
