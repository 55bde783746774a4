import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { path } from "@optique/run/valueparser";
import * as config from "../runs/settings/config.ts";
import { DEMO_SETTINGS } from "../runs/settings/demo.ts";
import { RunInterruptedError, UserError } from "../errors.ts";
import { examples, given, jsonOption, paragraphs, usageLine } from "./options.ts";
import { stopOnSignals } from "./signals.ts";
import { terminal } from "./terminal.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { checkTurbo } from "./turbo.ts";
import { startTrainingSite } from "./ui.ts";

/** `temper train` */
export const trainCommand = command(
  "train",
  merge(
    object({
      command: constant("train"),
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
    }),
    optionsFromSchema("Run", config.runFields, DEMO_SETTINGS),
    optionsFromSchema("Model", config.modelFields, DEMO_SETTINGS),
    optionsFromSchema("New adapter", config.loraFields, DEMO_SETTINGS),
    optionsFromSchema("Data", config.dataFields, DEMO_SETTINGS),
    optionsFromSchema("Reward", config.rewardFields, DEMO_SETTINGS),
    optionsFromSchema("Evaluation", config.evaluationFields, DEMO_SETTINGS),
    optionsFromSchema("Generation", config.generationFields, DEMO_SETTINGS),
    optionsFromSchema("Rollouts", config.rolloutFields, DEMO_SETTINGS),
    optionsFromSchema("PPO", config.ppoFields, DEMO_SETTINGS),
    optionsFromSchema("Guards", config.guardFields, DEMO_SETTINGS),
    optionsFromSchema("Device", config.deviceFields, DEMO_SETTINGS),
  ),
  {
    brief: message`Fine-tune a policy with PPO against a reward.`,
    description: paragraphs(
      "Measures the policy's toxicity, trains a LoRA adapter and a value head with PPO against " +
        "the reward, then measures again and shows the changes. Without options, it trains the " +
        "demo policy in less than a minute.",
      "The output folder contains config.json (all settings), environment.json (hardware and " +
        "software), metrics.jsonl (statistics of each step), samples.jsonl (responses of each " +
        "step), log.txt, checkpoint-N/, adapter/ (PEFT format, with the value head), " +
        "comparison.csv and summary.json. If an error ends the run, failed.json has the reason.",
      "Ctrl-C finishes the current step and saves a checkpoint. A run that was stopped or killed " +
        "continues with --resume, and gives the same result as one that was not. Its settings stay " +
        "the same; only steps, save-every, keep, log, device, threads, progress and the guards may " +
        "change.",
    ),
    footer: examples(
      ["The demo", "temper train"],
      [
        "Your own model, data and reward",
        "temper train --model ./flan-t5-base --adapter ./peft-adapter --dataset ./dialogsum " +
        "--reward ./toxicity-classifier",
      ],
      [
        "The original notebook, from the Hugging Face Hub",
        "temper train --model google/flan-t5-base --dataset knkarthick/dialogsum " +
        "--reward facebook/roberta-hate-speech-dynabench-r4-target",
      ],
      ["Two rewards", "temper train --reward ./classifier,./brevity.ts --reward-weights 1,0.2"],
      ["Resume an interrupted run", "temper train --resume runs/first"],
      ["Repeat a run with another seed", "temper train --config runs/first/config.json --seed 1"],
    ),
    usageLine: usageLine(),
  },
);

/** Trains, and prints the summary. */
export async function runTrain(options: InferValue<typeof trainCommand>): Promise<void> {
  const { command: _, config: file, resume, ui, json, ...flags } = options;
  const { readConfigFile } = await import("../runs/settings/config_file.ts");
  const fromFile = file === undefined ? {} : await readConfigFile(file, config.trainConfigSchema);
  const settings = { ...fromFile, ...given(flags) };
  const { resumeConfig } = await import("../runs/loop/resume.ts");
  const resolved = resume === undefined
    ? config.resolveTrainConfig(settings)
    : await resumeConfig(resume, settings);
  checkTurbo(resolved);
  const done = resume === undefined ? 0 : await finishedSteps(resume);
  if (done >= resolved.steps) {
    const line = `${resume} is finished: all ${done} steps are done`;
    return terminal(json ? "stderr" : "stdout").write(line + "\n");
  }
  const { train } = await import("../runs/loop/train.ts");
  const { trainingScreen } = await import("./training_screen.ts");
  const screen = trainingScreen(resolved, { json });
  const stop = stopOnSignals();
  const site = ui ? await startTrainingSite(resolved.output) : null;
  try {
    if (site) screen.info?.(`watch the run: ${site.address}`);
    const { signal } = stop;
    screen.finish(await train(resolved, screen, { resume: resume !== undefined, signal }));
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
    await site?.close();
  }
}

/** Steps that a finished run has done; 0 for one that is not finished. */
async function finishedSteps(run: string): Promise<number> {
  const { readSummary } = await import("../runs/folder/summary.ts");
  const { runDirectory } = await import("../runs/folder/run_directory.ts");
  // A broken one is made again.
  const summary = await readSummary(runDirectory(run).summary).catch((error) => {
    if (error instanceof UserError) return null;
    throw error;
  });
  return summary?.steps ?? 0;
}
