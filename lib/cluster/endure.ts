import { UserError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { isFull, isGone, isTransient } from "./patience.ts";
import type { RunNames } from "./topology.ts";

/**
 * Returns where the error passes: the server is away or full.
 *
 * @throws {UserError} when what the run had at the server is gone; other errors as they are
 */
export async function endure(
  { jsm }: Connection,
  { resultStream }: RunNames,
  error: unknown,
): Promise<void> {
  if (isFull(error)) return;
  let found = error;
  if (isTransient(error)) {
    // A stream that is gone does not answer either.
    found = await jsm.streams.info(resultStream).then(() => null, (reason) => reason);
    if (!isGone(found)) return;
  }
  if (!isGone(found)) throw error;
  throw new UserError("what the run had at NATS was removed, as temper cluster remove does it", {
    cause: found,
  });
}
