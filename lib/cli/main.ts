import { or } from "@optique/core/constructs";
import { type Message, message, text } from "@optique/core/message";
import type { InferValue } from "@optique/core/parser";
import { extractOptionNames } from "@optique/core/usage";
import { run } from "@optique/run";
import settings from "../../deno.json" with { type: "json" };
import { isTurbo } from "../device/turbo.ts";
import { RunInterruptedError, UserError } from "../errors.ts";
import { visibleLine } from "../visible_text.ts";
import { kindOfCommand } from "../runs/kinds/registry.ts";
import {
  benchCommand,
  runBenchMatmul,
  runBenchPPO,
  runBenchReadback,
  runBenchStep,
} from "./bench.ts";
import { clusterCommand, runClusterRemove, runClusterShow, withShow } from "./cluster.ts";
import { compareCommand, runCompare } from "./compare.ts";
import { withAlgorithm } from "./algorithm.ts";
import { grpoCommand, rlooCommand } from "./group.ts";
import { doctorCommand, runDoctor } from "./doctor.ts";
import { runVerify, verifyCommand } from "./verify.ts";
import { downloadCommand, runDownload } from "./download.ts";
import { evaluateCommand, runEvaluate } from "./evaluate.ts";
import { generateCommand, runGenerate } from "./generate.ts";
import { mergeCommand, runMerge } from "./merge.ts";
import { COMMAND_USAGE, given, helpOfCommands } from "./options.ts";
import { paramsCommand, runParams } from "./params.ts";
import { type CommandAtHand, present } from "./present.ts";
import { guardProcess } from "./process_guard.ts";
import { programCommand } from "./program_command.ts";
import { pushCommand, runPush } from "./push.ts";
import {
  runRunsCompare,
  runRunsDelete,
  runRunsExport,
  runRunsList,
  runRunsShow,
  runsCommand,
} from "./runs.ts";
import { dpoCommand, ktoCommand, orpoCommand } from "./preference.ts";
import { rewardCommand } from "./reward.ts";
import { printProfile } from "./profile.ts";
import { runScore, scoreCommand } from "./score.ts";
import { sftCommand } from "./sft.ts";
import { permissionFlags, permissionsCommand } from "./permissions.ts";
import { printData, printError, terminal } from "./terminal.ts";
import { trainCommand } from "./train.ts";
import { runTraining } from "./training_run.ts";
import { relaunchInTurbo } from "./turbo.ts";
import { runUi, uiCommand } from "./ui.ts";
import { runWork, workCommand } from "./work.ts";
import { usageError } from "./usage_error.ts";
import { namedCommand, unknownInput } from "./unknown_input.ts";

/** Exit code of wrong usage, as in shells and getopt. */
const USAGE_ERROR = 2;
/** Exit code of a bug in Temper: EX_SOFTWARE of sysexits.h. */
const INTERNAL_ERROR = 70;
/** Maximum width of the help, in columns. */
const WIDEST_HELP = 100;

/** Parser of a command line; errors about unknown input need to know all of it. */
function parserOf(args: readonly string[]) {
  const parser = or(
    // `or` takes up to 15 parsers.
    or(
      trainCommand,
      grpoCommand,
      rlooCommand,
      dpoCommand,
      orpoCommand,
      ktoCommand,
      sftCommand,
      rewardCommand,
      evaluateCommand,
      compareCommand,
      generateCommand,
      scoreCommand,
    ),
    or(
      downloadCommand,
      paramsCommand,
      runsCommand,
      pushCommand,
      mergeCommand,
      uiCommand,
      benchCommand,
      doctorCommand,
      verifyCommand,
      workCommand,
      clusterCommand,
      permissionsCommand,
    ),
    {
      errors: {
        unexpectedInput: (token: string): Message =>
          message`${text(unknownInput(parser.usage, args, token))}`,
        noMatch: message`no command given: see ${text(programCommand())} --help`,
      },
    },
  );
  return parser;
}

type Options = InferValue<ReturnType<typeof parserOf>>;

/** Thrown instead of ending the process, so that `main` alone decides when it ends. */
class Exit extends Error {
  constructor(readonly code: number) {
    super(`exit ${code}`);
  }
}

/**
 * Runs the command line.
 *
 * @param args without the program's own name
 * @returns the exit code: 0, or 1 for bad input, 2 for bad usage, 70 for a bug in Temper, 130 for Ctrl-C
 */
export async function main(args: readonly string[]): Promise<number> {
  let options: Options | null = null;
  using guard = guardProcess();
  try {
    args = withShow(withAlgorithm(args));
    // Words after `permissions` are a command line of their own, `--help` among them.
    if (args.join(" ") === "permissions --help") args = ["help", "permissions"];
    options = parse(args);
    if ("turbo" in options && options.turbo && !isTurbo()) {
      const code = await relaunchInTurbo(args, printError);
      if (code !== null) return code;
      options.turbo = false;
    }
    await Promise.race([dispatch(options), guard.failed]);
    return 0;
  } catch (error) {
    return await report(error, options);
  } finally {
    printProfile();
  }
}

function dispatch(options: Options): Promise<void> {
  switch (options.command) {
    case "train":
    case "grpo":
    case "rloo":
    case "dpo":
    case "orpo":
    case "kto":
    case "reward":
    case "sft":
      return runTraining(options);
    case "evaluate":
      return runEvaluate(options);
    case "compare":
      return runCompare(options);
    case "generate":
      return runGenerate(options);
    case "score":
      return runScore(options);
    case "download":
      return runDownload(options);
    case "params":
      return runParams(options);
    case "runs list":
      return runRunsList(options);
    case "runs show":
      return runRunsShow(options);
    case "runs compare":
      return runRunsCompare(options);
    case "runs export":
      return runRunsExport(options);
    case "runs delete":
      return runRunsDelete(options);
    case "push":
      return runPush(options);
    case "merge":
      return runMerge(options);
    case "ui":
      return runUi(options);
    case "doctor":
      return runDoctor(options);
    case "verify":
      return runVerify(options);
    case "work":
      return runWork(options);
    case "cluster show":
      return runClusterShow(options);
    case "cluster remove":
      return runClusterRemove(options);
    case "permissions":
      return printPermissions(options.words);
    case "bench ppo":
      return runBenchPPO(options);
    case "bench step":
      return runBenchStep(options);
    case "bench matmul":
      return runBenchMatmul(options);
    case "bench readback":
      return runBenchReadback(options);
  }
}

/** Prints the flags that a command line needs, one per line, as a path may have spaces. */
async function printPermissions(words: readonly string[]): Promise<void> {
  for (const flag of await permissionFlags(parse(withShow(withAlgorithm(words))))) {
    printData(`${flag}\n`);
  }
}

function parse(args: readonly string[]): Options {
  const out = terminal("stdout");
  return run(parserOf(args), {
    programName: "temper",
    args,
    version: settings.version,
    help: "both",
    completion: "command",
    brief: message`Fine-tune language models with reinforcement learning, LoRA and a reward.`,
    footer: helpOfCommands("train"),
    commandList: "top-level",
    usageLine: COMMAND_USAGE,
    showDefault: { prefix: " (default: ", suffix: ")" },
    termWidth: 30,
    maxWidth: Math.max(50, Math.min(WIDEST_HELP, out.width)),
    colors: out.color,
    aboveError: "none",
    errorExitCode: USAGE_ERROR,
    stdout: (text) => out.draw(`${text}\n`),
    // Beside its errors, `help` prints the usage of everything, which nobody needs.
    stderr: (text) => {
      if (text.startsWith("Error: ")) fail(usageError(text));
    },
    onExit: (code) => {
      throw new Exit(code);
    },
  });
}

async function report(
  error: unknown,
  options: Options | null,
): Promise<number> {
  if (error instanceof Exit) return error.code;
  // The first error is the cause; the second one happened during the cleanup.
  if (error instanceof SuppressedError) return await report(error.suppressed, options);
  // The reader of the pipe has gone: `temper compare | head`.
  if (error instanceof Deno.errors.BrokenPipe) return 0;
  if (error instanceof UserError) {
    const line = await present(error, await commandAtHand(options));
    if (error instanceof RunInterruptedError) printError(visibleLine(line));
    else fail(line);
    return error.exitCode;
  }
  if (error instanceof Deno.errors.NotCapable) {
    fail(`${error.message}; ${programCommand()} permissions COMMAND prints what a command needs`);
    return 1;
  }
  printError(Deno.inspect(error));
  fail("this is a bug in Temper; please report it with the lines above and the command you ran");
  return INTERNAL_ERROR;
}

/** The options of the command that was parsed, and where its settings come from. */
async function commandAtHand(options: Options | null): Promise<CommandAtHand> {
  if (options === null) return { options: new Set(), inFile: new Map() };
  const { usage } = namedCommand(parserOf([]).usage, options.command.split(" "));
  const names = extractOptionNames(usage);
  if (!("config" in options) || options.config === undefined) {
    return { options: names, inFile: new Map() };
  }
  const { configFileKeys } = await import("../runs/settings/config_file.ts");
  const { schema } = kindOfCommand(options.command);
  const keys = await configFileKeys(options.config, schema).catch(() => new Map<string, string>());
  const typed = Object.keys(given(options));
  const inFile = new Map([...keys].filter(([setting]) => !typed.includes(setting)));
  return { options: names, config: options.config, inFile };
}

function fail(line: string): void {
  printError(`error: ${visibleLine(line)}`);
}
