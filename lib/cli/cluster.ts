import { merge, object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { string } from "@optique/core/valueparser";
import type { ClusterRun } from "../cluster/status.ts";
import { UserError } from "../errors.ts";
import { visibleLine } from "../visible_text.ts";
import { natsAddress, natsAuthFields } from "./nats_options.ts";
import {
  COMMAND_USAGE,
  examples,
  helpOfCommands,
  jsonOption,
  paragraphs,
  usageLine,
} from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { renderTable } from "./table.ts";
import { print, terminal } from "./terminal.ts";

const address = () =>
  optional(argument(string({ metavar: "URL" }), {
    description: message`Address of the NATS server (default: that in NATS_URL)`,
  }));

const showCommand = command(
  "show",
  merge(
    object({ command: constant("cluster show"), nats: address(), json: jsonOption() }),
    optionsFromSchema("Connection", natsAuthFields),
  ),
  {
    brief: message`Show runs at a NATS server, their trainers and workers.`,
    description: paragraphs(
      "Prints each run with its trainer's step, the prompts that wait, the results that are stored, " +
        "and its workers.",
    ),
    footer: examples(["Runs and their workers", "temper cluster show nats://trainer:4222"]),
    usageLine: usageLine("[URL]"),
  },
);

const removeCommand = command(
  "remove",
  merge(
    object({
      command: constant("cluster remove"),
      run: argument(string({ metavar: "ID" }), { description: message`Id of the run` }),
      nats: address(),
    }),
    optionsFromSchema("Connection", natsAuthFields),
  ),
  {
    brief: message`Remove what a run has left at a NATS server.`,
    description: paragraphs(
      "Removes the prompts, results and policies of a run. If it is resumed, workers make again what " +
        "it needs of them.",
    ),
    footer: examples([
      "A run that will not be resumed",
      "temper cluster remove first-1a2b3c nats://trainer:4222",
    ]),
    usageLine: usageLine("ID", "[URL]"),
  },
);

/** `temper cluster` */
export const clusterCommand = command(
  "cluster",
  or(showCommand, removeCommand, {
    errors: { noMatch: message`no command given: use cluster show or remove` },
  }),
  {
    brief: message`Show runs at a NATS server, and remove what they left there.`,
    description: paragraphs(
      "Without one of these commands, it shows runs. A run that has ended leaves nothing there. One " +
        "that was stopped can be resumed, and keeps its results until it is, or until cluster remove.",
    ),
    footer: helpOfCommands("cluster show"),
    usageLine: COMMAND_USAGE,
  },
);

/** Arguments with the command that `cluster` alone means. */
export function withShow(args: readonly string[]): readonly string[] {
  const [command, next, ...others] = args;
  if (command !== "cluster" || next === "--help") return args;
  if (next === undefined) return [command, "show"];
  return /^-|:\/\//.test(next) ? [command, "show", next, ...others] : args;
}

/** Shows runs. */
export async function runClusterShow(options: InferValue<typeof showCommand>): Promise<void> {
  const { connectNats } = await import("../cluster/connection.ts");
  const { clusterRuns } = await import("../cluster/status.ts");
  await using connection = await connectNats(natsAddress(options), "temper cluster");
  const runs = await clusterRuns(connection);
  if (options.json) return print(JSON.stringify(runs, null, 2));
  if (runs.length === 0) return print(`no run at ${connection.address}`);
  for (const run of runs) show(run);
}

function show({ id, kind, trainer, queue, results, versions, workers }: ClusterRun): void {
  print(visibleLine(`${id} (${kind}): ${trainerLine(trainer)}`));
  print(
    `  prompts to do: ${queue}, results stored: ${results}, versions of the policy: ${versions}`,
  );
  if (workers.length === 0) return print("  no workers");
  const rows = workers.map(({ name, device, state, rollouts, tokensPerSecond, idle }) =>
    [
      ...[name, state, String(rollouts), tokensPerSecond.toFixed(0)],
      ...[`${(100 * idle).toFixed(0)} %`, device],
    ].map(visibleLine)
  );
  const table = renderTable(
    [
      { header: "worker" },
      { header: "state" },
      { header: "responses", align: "right" },
      { header: "tokens/s", align: "right" },
      { header: "idle", align: "right" },
      { header: "device", flexible: true },
    ],
    rows,
    { width: terminal("stdout").width - 2 },
  );
  print(table.replaceAll(/^(?=.)/gm, "  "));
}

/** Line about a run's trainer. */
function trainerLine(trainer: ClusterRun["trainer"]): string {
  if (trainer === null) return "no trainer: it can be resumed";
  const { host, step, steps, isAlive } = trainer;
  const at = `step ${step} of ${steps} on ${host}`;
  return isAlive ? at : `no trainer, since the one at ${at} sends no heartbeat: it can be resumed`;
}

/** Removes a run. */
export async function runClusterRemove(options: InferValue<typeof removeCommand>): Promise<void> {
  if (options.run.includes("://")) {
    throw new UserError("`cluster remove` takes the id of a run first: cluster shows them", {
      exitCode: 2,
    });
  }
  const { connectNats } = await import("../cluster/connection.ts");
  const { removeRun } = await import("../cluster/topology.ts");
  await using connection = await connectNats(natsAddress(options), "temper cluster");
  await removeRun(connection, options.run);
  print(visibleLine(`removed run ${options.run}`));
}
