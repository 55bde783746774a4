import { type Message, message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { object } from "@optique/core/constructs";
import type { InferValue } from "@optique/core/parser";
import { path } from "@optique/run/valueparser";
import { RunInterruptedError, UserError } from "../errors.ts";
import type { ResumedRun } from "../runs/kinds/run_config.ts";
import { kindOf, kindOfCommand, runKinds } from "../runs/kinds/registry.ts";
import type { RunKind } from "../runs/kinds/run_kind.ts";
import { visibleLine } from "../visible_text.ts";
import type { LocalFleet } from "../cluster/local_fleet.ts";
import { openFleet } from "./fleet.ts";
import type { FleetOptions } from "./nats_options.ts";
import { given as givenOf, jsonOption } from "./options.ts";
import { programCommand, shellWord } from "./program_command.ts";
import { stopOnSignals } from "./signals.ts";
import { printError, terminal } from "./terminal.ts";
import { checkTurbo } from "./turbo.ts";
import { startTrainingSite } from "./ui.ts";

/** Options of every command that trains, beside its settings. */
export const runOptions = object({
  config: optional(option("--config", path({ metavar: "FILE", type: "file" }), {
    description:
      message`YAML or JSON file of settings; options on the command line take precedence`,
  })),
  ui: option("--ui", {
    description: message`Serve a site to watch the run in the browser`,
  }),
  resume: optional(option("--resume", path({ metavar: "RUN", type: "directory" }), {
    description: message`Folder of a run to resume from its latest checkpoint`,
  })),
  json: jsonOption(),
});

/** Paragraph of their help. */
export const RESUMING =
  "Ctrl-C finishes the current step and saves a checkpoint. A run that was stopped or killed " +
  "continues with --resume, and gives the same result as one that was not.";

/** Texts of the help of an algorithm's command. */
export interface AlgorithmHelp {
  /** One line. */
  readonly brief: Message;
  /** Paragraph on the algorithm. */
  readonly about: string;
  /** Examples: a title and a command line each. */
  readonly shown: readonly (readonly [title: string, command: string])[];
}

/** Options of a command that trains: beside these, its settings. */
export interface TrainingOptions extends InferValue<typeof runOptions>, FleetOptions {
  /** Name of the command: that of a new run's kind. */
  readonly command: string;
  /** Only `permissions` reads it. */
  readonly rewardAllowNet?: readonly string[];
}

/** Trains, and prints the results. A run that is resumed says its own kind. */
export async function runTraining(options: TrainingOptions): Promise<void> {
  const { command, rewardAllowNet: _, config: file, resume, ui, json, ...others } = options;
  const { nats, natsCreds, natsNkey, natsTlsca, workers, ...settingsGiven } = others;
  const kind = kindOfCommand(command);
  const given = givenOf(settingsGiven);
  const fromFile = file === undefined ? {} : await readSettingsOf(kind, file);
  const settings = { ...fromFile, ...given };
  const resumed = resume === undefined ? null : await resumedRun(resume, settings);
  if (resumed?.done != null) {
    const line = `${visibleLine(resume!)} is finished: all ${resumed.done} steps of this ` +
      `${resumed.kind.kind} run are done`;
    return terminal(json ? "stderr" : "stdout").write(line + "\n");
  }
  // `train` resumes a run of any kind.
  if (resumed && resumed.kind !== kind && command !== "train") {
    printError(`${visibleLine(resume!)} is a ${resumed.kind.kind} run, and resumed as one`);
  }
  const { kind: its, config } = resumed ?? { kind, config: kind.resolve(settings) };
  checkTurbo({ turbo: config.turbo ?? false });
  const { run } = await import("../runs/loop/run.ts");
  const { trainingScreen } = await import("./training_screen.ts");
  const screen = trainingScreen(its, config, { json });
  const stop = stopOnSignals();
  const site = ui ? await startTrainingSite(config.output) : null;
  let local: LocalFleet | null = null;
  try {
    if (site) screen.info?.(`watch the run: ${site.address}`);
    const { signal } = stop;
    const fleetOptions = { nats, natsCreds, natsNkey, natsTlsca, workers };
    const found = await openFleet(fleetOptions, its, config, (line) => screen.info?.(line));
    local = found?.local ?? null;
    const options = { resume: resumed !== null, signal, fleet: found?.fleet };
    await screen.finish(await run(its, config, screen, options));
    stop[Symbol.dispose]();
    await site?.linger();
  } catch (error) {
    if (!(error instanceof RunInterruptedError)) throw error;
    throw new RunInterruptedError(error.message, {
      exitCode: stop.exitCode(),
      run: error.run ?? undefined,
    });
  } finally {
    stop[Symbol.dispose]();
    screen.stop();
    await local?.[Symbol.asyncDispose]();
    await site?.close();
  }
}

/** Reads a file of settings. @throws {UserError} when it is of another kind of run */
async function readSettingsOf(kind: RunKind, file: string): Promise<object> {
  const { readConfigFile } = await import("../runs/settings/config_file.ts");
  return await readConfigFile(file, (settings) => {
    const its = kindOfSettings(settings, kind);
    if (its === kind) return kind.schema;
    const command = its.command === undefined ? "" : `: start it with ${programCommand()} ` +
      `${its.command} --config ${shellWord(file)}`;
    throw new UserError(`${file} has the settings of a run of kind ${its.kind}${command}`);
  });
}

/**
 * Kind of run that a file's settings are of. A file without a kind is of the command's, unless it has
 * settings that only another kind has, as the `config.json` of an early version of Temper.
 */
function kindOfSettings(settings: object, kind: RunKind): RunKind {
  if ("kind" in settings) return kindOf(settings);
  const fits = ({ schema }: RunKind) =>
    Object.keys(settings).every((name) => Object.hasOwn(schema.shape, name));
  return fits(kind) ? kind : runKinds().find(fits) ?? kind;
}

/** A run to go on with. `done`: steps that it has done, if there are no more to do; else null. */
async function resumedRun(
  run: string,
  given: object,
): Promise<ResumedRun & { done: number | null }> {
  const { resumeRun } = await import("../runs/kinds/run_config.ts");
  const { readSummary } = await import("../runs/folder/summary.ts");
  const { runDirectory } = await import("../runs/folder/run_directory.ts");
  const resumed = await resumeRun(run, given);
  const { summarySchema } = resumed.kind;
  // A broken one is made again.
  const summary = await readSummary(runDirectory(run).summary, summarySchema).catch((error) => {
    if (error instanceof UserError) return null;
    throw error;
  });
  const { steps: done } = (summary ?? {}) as { steps?: number };
  const { steps: wanted } = resumed.config as { steps?: number | null };
  // Without a number of steps, the settings decide that: it is the same for the same settings.
  const enough = typeof wanted === "number"
    ? done !== undefined && done >= wanted
    : Object.keys(given).length === 0;
  return { ...resumed, done: done !== undefined && enough ? done : null };
}
