import { importAsset } from "../../assets.ts";
import type { RolloutFleet } from "../runs/kinds/fleet/rollout_fleet.ts";
import { type NatsAddress, parseAddress } from "./address.ts";

/** Module of the fleet, for the library: the program has it in its bundle, and never comes here. */
const FLEET_MODULE = "lib/cluster/fleet.ts";

/**
 * Connects to the workers at a NATS server with JetStream, for a run of PPO, GRPO or RLOO: pass the
 * result as the option `fleet`. Workers are started with `temper work`. A run leaves the fleet at its
 * end, which closes the connection.
 *
 * @throws {UserError} when the address is not valid, nobody answers there, the server refuses, or it
 *   has no JetStream
 */
export async function connectFleet(address: NatsAddress): Promise<RolloutFleet> {
  const command = `temper work ${parseAddress(address.url).shown}`;
  // Training on one machine does not need NATS.
  const { NatsFleet } = await importAsset<typeof import("./fleet.ts")>(FLEET_MODULE);
  return await NatsFleet.connect(address, command);
}
