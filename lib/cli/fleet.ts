import { parseAddress } from "../cluster/address.ts";
import type { LocalFleet } from "../cluster/local_fleet.ts";
import { UserError } from "../errors.ts";
import type { RolloutFleet } from "../runs/kinds/fleet/rollout_fleet.ts";
import type { RunKind, RunSettings } from "../runs/kinds/run_kind.ts";
import { type FleetOptions, natsAddress } from "./nats_options.ts";
import { programCommand } from "./program_command.ts";

/** Machines that generate for a run, and those among them that this process started. */
export interface OpenedFleet {
  readonly fleet: RolloutFleet;
  readonly local: LocalFleet | null;
}

/**
 * Connects to the fleet that the options name; null where they name none.
 *
 * @throws {UserError} when the options do not go together, the run has nothing to do for workers, or
 *   the server cannot be used
 */
export async function openFleet(
  options: FleetOptions,
  kind: RunKind,
  config: RunSettings,
  info: (line: string) => void,
): Promise<OpenedFleet | null> {
  const { nats = null, workers = null } = options;
  const credentials = (["natsCreds", "natsNkey", "natsTlsca"] as const).find((name) =>
    options[name]
  );
  if (nats === null && credentials) {
    throw new UserError(`\`${credentials}\` is for a NATS server: give its address with \`nats\``);
  }
  if (nats === null && workers === null) return null;
  if (nats !== null && workers !== null) {
    throw new UserError(
      "`workers` starts its own server: give either `workers` or `nats`, and with `nats` start the " +
        "workers yourself (temper work)",
    );
  }
  if (!kind.openGenerator) {
    throw new UserError(`${kind.title} generates nothing in training: workers have nothing to do`);
  }
  const { NatsFleet } = await import("../cluster/fleet.ts");
  if (workers === null) {
    const address = natsAddress(options);
    const command = `${programCommand()} work ${parseAddress(address.url).shown}`;
    return { fleet: await NatsFleet.connect(address, command), local: null };
  }
  const { startLocalFleet } = await import("../cluster/local_fleet.ts");
  const { isScript } = await import("../runs/loading/rewards.ts");
  const { model, reward, threads, device } = config as RunSettings & { reward?: string[] };
  const local = await startLocalFleet({
    workers,
    threads: threads ?? null,
    workerArgs: (name, threads) => [
      ...["run", "-A", "--quiet", Deno.mainModule, "work", "--once"],
      ...["--name", name, "--threads", String(threads)],
      ...["--model", model!],
      ...["--device", device ?? "auto"],
      // Paths of classifiers; others they know by their names. Scripts score here, a whole step at a
      // time, as without workers.
      ...(reward ?? []).filter((path) => /^[./~]/.test(path) && !isScript(path))
        .flatMap((path) => ["--reward", path]),
    ],
    info,
  });
  try {
    const command = `${workers} started here`;
    const fleet = await NatsFleet.connect({ url: local.url }, command);
    local.failed.catch((error) => fleet.fail(error));
    return { fleet, local };
  } catch (error) {
    await local[Symbol.asyncDispose]();
    throw error;
  }
}
