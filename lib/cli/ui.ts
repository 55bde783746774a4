import { dirname } from "node:path";
import { object } from "@optique/core/constructs";
import { type Message, message } from "@optique/core/message";
import { multiple, optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { examples, paragraphs, preset, rewardAllowNetOption, usageLine } from "./options.ts";
import { UserError } from "../errors.ts";
import { ioReason } from "../platform/io_error.ts";
import { visibleLine } from "../visible_text.ts";
import { stopSignals } from "./signals.ts";
import { print, terminal } from "./terminal.ts";

/** Default port of the site. */
const DEFAULT_PORT = 8642;

/** An option that allows what runs name; the run's folder itself may be from anybody. */
const sources = (name: "--model" | "--reward", description: Message) =>
  optional(
    multiple(option(name, string({ metavar: "PATH|ORG/NAME" }), { description }), { min: 1 }),
  );

/** `temper ui` */
export const uiCommand = command(
  "ui",
  object({
    command: constant("ui"),
    runs: preset(
      argument(path({ metavar: "FOLDER", type: "directory" }), {
        description: message`Folder of the runs`,
      }),
      "runs",
    ),
    host: preset(
      option("--host", string({ metavar: "HOST" }), {
        description:
          message`Name or address to listen on; any but this machine's own requires a token`,
      }),
      "127.0.0.1",
    ),
    port: preset(
      option("--port", integer({ min: 0, max: 65535, metavar: "N" }), {
        description: message`Port to listen on; 0 for any free port`,
      }),
      DEFAULT_PORT,
    ),
    model: sources("--model", message`Model of runs that may be tried, though it lies elsewhere`),
    reward: sources(
      "--reward",
      message`Reward of runs that may be used, though it lies elsewhere or runs code`,
    ),
    rewardAllowNet: rewardAllowNetOption(),
  }),
  {
    brief: message`Watch runs in the browser.`,
    description: paragraphs(
      "Serves a site with every run in the folder: live charts, responses during training, " +
        "comparisons before and after, several runs in one chart, and a page to try an adapter. " +
        "Ctrl-C stops it.",
    ),
    footer: examples(
      ["The runs in ./runs", "temper ui"],
      ["A run from the start", "temper train --ui"],
      ["Open to other machines", "temper ui --host 0.0.0.0"],
    ),
    usageLine: usageLine("[FOLDER]"),
  },
);

/** Serves the site until the process is interrupted. */
export async function runUi(options: InferValue<typeof uiCommand>): Promise<void> {
  const exists = await checkFolder(options.runs);
  const { serveUi } = await import("../../web/server.ts");
  const { model, reward, runs, host, port } = options;
  const server = serveUi({ runs, host, port, allowed: { model, reward } });
  // The signal handlers are in place before the address is printed.
  const end = interrupted();
  const folder = visibleLine(options.runs) + (exists ? "" : ", which does not exist yet");
  print(`runs in ${folder}: ${server.address}`);
  await end;
  await server.close();
}

/** Tells whether the folder exists. @throws {UserError} when it cannot be listed */
async function checkFolder(path: string): Promise<boolean> {
  try {
    for await (const _ of Deno.readDir(path)) break;
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    const reason = error instanceof Deno.errors.NotADirectory ? "it is a file" : ioReason(error);
    throw new UserError(`cannot show the runs in ${path}: ${reason}`, { cause: error });
  }
}

/** The site beside a training run. */
export interface TrainingSite {
  /** Address. */
  readonly address: string;
  /** Stops it at once. */
  close(): Promise<void>;
  /** Waits for Ctrl-C where standard output is a terminal. */
  linger(): Promise<void>;
}

/**
 * Serves the site while this process trains, on the default port, or on another if that is in use.
 *
 * @param output folder of the run; null for one in `runs`
 */
export async function startTrainingSite(output: string | null): Promise<TrainingSite> {
  const { serveBesideTraining } = await import("../../web/beside_training.ts");
  const options = { runs: output === null ? "runs" : dirname(output), host: "127.0.0.1" };
  const site = await serveBesideTraining({ ...options, port: DEFAULT_PORT }).catch((error) => {
    if (!(error instanceof UserError)) throw error;
    return serveBesideTraining({ ...options, port: 0 });
  });
  return {
    address: site.address,
    close: () => site.close(),
    async linger() {
      if (!terminal("stdout").interactive) return;
      const end = interrupted();
      print(`the site stays up until Ctrl-C: ${site.address}`);
      await end;
    },
  };
}

/** Waits for a signal to stop. */
async function interrupted(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of stopSignals()) Deno.addSignalListener(signal, resolve);
  await promise;
  for (const signal of stopSignals()) Deno.removeSignalListener(signal, resolve);
}
