import { z } from "../packages/zod.ts";
import type { NatsAddress } from "../cluster/address.ts";
import { UserError } from "../errors.ts";
import { allowedVariable } from "../platform/environment.ts";

/** Environment variable with the address of a NATS server, as for the `nats` command. */
export const NATS_VARIABLE = "NATS_URL";

const file = z.string().min(1).nullable().default(null).meta({ metavar: "FILE" });

/** Credentials for a NATS server. */
export const natsAuthFields = {
  natsCreds: file.describe("Credentials file for NATS (.creds)"),
  natsNkey: file.describe("File with the seed of an NKEY for NATS"),
  natsTlsca: file.describe(
    "Certificate of the authority that signed the NATS server's, for an encrypted connection",
  ),
};

/** Machines that generate for a trainer. */
export const fleetOptionFields = {
  nats: z.string().min(1).nullable().default(null).meta({ metavar: "URL" })
    .describe(
      "NATS server at which workers (temper work) take over generation: nats://, tls://, ws:// or wss://host:port",
    ),
  ...natsAuthFields,
  workers: z.int().positive().max(64).nullable().default(null)
    .describe("Start a NATS server and this many workers on this machine, for this run alone"),
};

/** Options that say where a NATS server is. */
export interface NatsOptions {
  readonly nats?: string | null;
  readonly natsCreds?: string | null;
  readonly natsNkey?: string | null;
  readonly natsTlsca?: string | null;
}

/** Options of machines that generate for a trainer. */
export interface FleetOptions extends NatsOptions {
  readonly workers?: number | null;
}

/**
 * Address of a NATS server, from the command line or the environment.
 *
 * @throws {UserError} when neither has one
 */
export function natsAddress(
  { nats, natsCreds, natsNkey, natsTlsca }: NatsOptions,
): NatsAddress {
  const url = nats ?? allowedVariable(NATS_VARIABLE);
  if (!url) {
    throw new UserError(
      `no NATS server given: pass its address (nats://host:port), or set ${NATS_VARIABLE}`,
      { exitCode: 2 },
    );
  }
  return {
    url,
    creds: natsCreds ?? undefined,
    nkey: natsNkey ?? undefined,
    ca: natsTlsca ?? undefined,
  };
}
