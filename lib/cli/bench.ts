import { merge, object, or } from "@optique/core/constructs";
import { message, text } from "@optique/core/message";
import { multiple } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { choice, integer, string } from "@optique/core/valueparser";
import * as config from "../runs/settings/config.ts";
import {
  COMMAND_USAGE,
  examples,
  given,
  helpOfCommands,
  jsonOption,
  paragraphs,
  preset,
  usageLine,
} from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { visibleLine } from "../visible_text.ts";
import { print, terminal } from "./terminal.ts";

function count(name: `--${string}`, description: string, value: number) {
  const parser = integer({ min: 1, metavar: "N" });
  return preset(option(name, parser, { description: message`${text(description)}` }), value);
}

const benchPPOCommand = command(
  "ppo",
  merge(
    object({
      command: constant("bench ppo"),
      shape: preset(
        option("--shape", choice(["tiny", "small", "base"], { metavar: "tiny|small|base" }), {
          description: message`Model size: that of the demo, flan-t5-small or flan-t5-base`,
        }),
        "tiny",
      ),
      prompt: count("--prompt", "Prompt length, in tokens", 128),
      new: count("--new", "Response length, in tokens", 32),
      batch: count("--batch", "Rollouts per PPO step", 16),
      mini: count("--mini", "Rollouts per minibatch", 4),
      dtype: preset(
        option("--dtype", choice(["f32", "bf16"], { metavar: "f32|bf16" }), {
          description: message`Storage type of the model's weights`,
        }),
        "f32",
      ),
      json: jsonOption(),
    }),
    optionsFromSchema("PPO", { activationMemory: config.ppoFields.activationMemory }),
    optionsFromSchema("Device", config.deviceFields),
  ),
  {
    brief: message`Time the PPO loop on random weights.`,
    description: paragraphs(
      "Runs the training loop on a model of the given size with random weights, and prints the " +
        "seconds per step to generate, score and optimize, tokens per second and peak memory; on a " +
        "GPU, also dispatches and bytes per token.",
      "The scoring classifier has random weights, too: of the demo's size, with eight layers of " +
        "width 512, or of RoBERTa-base's size.",
    ),
    footer: examples([
      "The shape in the README",
      "temper bench ppo --shape base --prompt 128 --new 32 --batch 4 --mini 4 --dtype bf16",
    ]),
    usageLine: usageLine(),
  },
);

const STEP_SHAPES = [
  "tiny",
  "smollm2-135m",
  "qwen2.5-0.5b",
  "qwen3-0.6b",
  "llama-3.2-1b",
  "gemma-3-270m",
] as const;

const benchStepCommand = command(
  "step",
  merge(
    object({
      command: constant("bench step"),
      algorithm: preset(
        option("--algorithm", choice(["grpo", "dpo", "reward"], { metavar: "grpo|dpo|reward" }), {
          description: message`Algorithm whose step is timed`,
        }),
        "grpo",
      ),
      shape: preset(
        option("--shape", choice(STEP_SHAPES, { metavar: "MODEL" }), {
          description: message`Model size: ${text(STEP_SHAPES.join(", "))}`,
        }),
        "smollm2-135m",
      ),
      prompts: count("--prompts", "Prompts per step; with dpo and reward, pairs", 2),
      responses: count("--responses", "Responses to each prompt, with grpo", 4),
      prompt: count("--prompt", "Prompt length, in tokens", 128),
      new: count("--new", "Response length, in tokens", 64),
      dtype: preset(
        option("--dtype", choice(["f32", "bf16"], { metavar: "f32|bf16" }), {
          description: message`Storage type of the model's weights`,
        }),
        "bf16",
      ),
      json: jsonOption(),
    }),
    optionsFromSchema("Training", { activationMemory: config.ppoFields.activationMemory }),
    optionsFromSchema("Device", config.deviceFields),
  ),
  {
    brief: message`Time a step of GRPO, DPO or a reward model, decoder-only, on random weights.`,
    description: paragraphs(
      "Makes steps with an adapter of rank 16 on all linear layers. GRPO generates groups of " +
        "responses, computes the reference's log-probabilities and makes one update; DPO does the " +
        "latter two on pairs, and a reward model makes an update on pairs. Prints the seconds of each " +
        "part, peak memory, the time of the step's matrix products alone, and for GRPO the speed of " +
        "decoding 1, 8 and 32 responses at once.",
    ),
    footer: examples(
      ["A larger model", "temper bench step --shape qwen2.5-0.5b"],
      ["DPO on four pairs", "temper bench step --algorithm dpo --prompts 4"],
    ),
    usageLine: usageLine(),
  },
);

const benchMatmulCommand = command(
  "matmul",
  merge(
    object({
      command: constant("bench matmul"),
      shapes: multiple(option("--shape", string({ metavar: "MxNxK", pattern: /^\d+x\d+x\d+$/ }), {
        description: message`Rows, output width and input width of a linear layer; repeatable`,
      })),
      json: jsonOption(),
    }),
    optionsFromSchema("Device", config.deviceFields),
  ),
  {
    brief: message`Time the matrix products of training.`,
    description: paragraphs(
      "Prints the GFLOPS of a linear layer with f32 and bf16 weights, of its gradients and of an " +
        "adapter, by default for the shapes of flan-t5-base.",
    ),
    footer: examples(["One shape, on a GPU", "temper bench matmul --shape 1024x1024x1024"]),
    usageLine: usageLine(),
  },
);

const benchReadbackCommand = command(
  "readback",
  object({
    command: constant("bench readback"),
    reads: count("--reads", "Reads of each size", 50),
    rows: count("--rows", "Rows decoded at once", 8),
    steps: count("--steps", "Tokens decoded of each row", 64),
    json: jsonOption(),
  }),
  {
    brief: message`Time reading results from the GPU.`,
    description: paragraphs(
      "Prints the milliseconds of a read, and of a step of decoding with a tiny model, with the " +
        "dispatches, submits and reads of a step: with reads that are awaited and, where they " +
        "passed their test on this adapter and version of Deno, with reads that are not.",
    ),
    footer: examples(["A longer measurement", "temper bench readback --reads 500 --steps 512"]),
    usageLine: usageLine(),
  },
);

/** `temper bench` */
export const benchCommand = command(
  "bench",
  or(benchPPOCommand, benchStepCommand, benchMatmulCommand, benchReadbackCommand, {
    errors: {
      noMatch: message`no command given: use bench ppo, bench step, bench matmul or bench readback`,
    },
  }),
  {
    brief: message`Measure the training speed of this machine.`,
    footer: helpOfCommands("bench ppo"),
    usageLine: COMMAND_USAGE,
  },
);

/** Runs `temper bench ppo`, and prints its result. */
export async function runBenchPPO(options: InferValue<typeof benchPPOCommand>): Promise<void> {
  const { command: _, json, ...bench } = options;
  const { benchPPO, benchReport } = await import("../../bench/ppo.ts");
  const result = await benchPPO(given(bench));
  print(json ? JSON.stringify(result, null, 2) : benchReport(result));
}

/** Runs `temper bench step`, and prints its result. */
export async function runBenchStep(options: InferValue<typeof benchStepCommand>): Promise<void> {
  const { command: _, json, ...bench } = options;
  const { benchStep, stepReport } = await import("../../bench/step.ts");
  const result = await benchStep(given(bench));
  print(json ? JSON.stringify(result, null, 2) : stepReport(result));
}

/** Runs `temper bench matmul`, and prints its result. */
export async function runBenchMatmul(
  options: InferValue<typeof benchMatmulCommand>,
): Promise<void> {
  const { command: _, json, shapes, ...device } = options;
  const { benchMatmul, MATMUL_SHAPES, matmulShape } = await import("../../bench/matmul.ts");
  const { device: description, rows } = await benchMatmul({
    ...given(device),
    shapes: shapes.length > 0 ? shapes.map(matmulShape) : MATMUL_SHAPES,
  });
  if (json) return print(JSON.stringify({ device: description, rows }, null, 2));
  const { renderTable } = await import("./table.ts");
  const products = Object.keys(rows[0].gflops);
  const table = renderTable(
    [
      { header: "M x N x K" },
      ...products.map((header) => ({ header, align: "right" as const })),
    ],
    rows.map(({ shape, gflops }) => [
      shape.join(" x "),
      ...products.map((product) => gflops[product].toFixed(1)),
    ]),
    { width: terminal("stdout").width },
  );
  print(`${visibleLine(description)}, GFLOPS\n\n${table}`);
}

/** Runs `temper bench readback`, and prints its result. */
export async function runBenchReadback(
  options: InferValue<typeof benchReadbackCommand>,
): Promise<void> {
  const { command: _, json, ...bench } = options;
  const { benchReadback, readbackReport } = await import("../../bench/readback.ts");
  const result = await benchReadback(bench);
  print(json ? JSON.stringify(result, null, 2) : readbackReport(result));
}
