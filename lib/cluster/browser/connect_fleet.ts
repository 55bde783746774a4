import { UserError } from "../../errors.ts";
import type { RolloutFleet } from "../../runs/kinds/fleet/rollout_fleet.ts";

/** Refuses: a page trains without workers, and may be one. @throws {UserError} always */
export function connectFleet(): Promise<RolloutFleet> {
  return Promise.reject(
    new UserError(
      "workers at a NATS server are not available in a browser: train on a machine with Deno, " +
        "which this page can work for",
    ),
  );
}
