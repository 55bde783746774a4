import { object } from "@optique/core/constructs";
import { message, text } from "@optique/core/message";
import { command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { choice, integer } from "@optique/core/valueparser";
import { examples, jsonOption, paragraphs, preset } from "./options.ts";
import { print } from "./terminal.ts";

function count(name: `--${string}`, description: string, value: number) {
  const parser = integer({ min: 1, metavar: "N" });
  return preset(option(name, parser, { description: message`${text(description)}` }), value);
}

const benchPPOCommand = command(
  "ppo",
  object({
    command: constant("bench ppo"),
    shape: preset(
      option("--shape", choice(["tiny", "small", "base"], { metavar: "tiny|small|base" }), {
        description: message`sizes of the model: the demo's, flan-t5-small's or flan-t5-base's`,
      }),
      "tiny",
    ),
    prompt: count("--prompt", "tokens of a prompt", 128),
    new: count("--new", "tokens of a response", 32),
    batch: count("--batch", "rollouts of a step", 16),
    mini: count("--mini", "rollouts of a minibatch", 4),
    dtype: preset(
      option("--dtype", choice(["f32", "bf16"], { metavar: "f32|bf16" }), {
        description: message`how the model's weights are stored`,
      }),
      "f32",
    ),
    json: jsonOption(),
  }),
  {
    brief: message`Time the PPO loop on random weights.`,
    description: paragraphs(
      "Runs the training loop on a model of the shape with random weights, and prints the seconds " +
        "that a step takes to generate, score and optimise, tokens per second and peak memory.",
    ),
    footer: examples([
      "As in the README's table",
      "temper bench ppo --shape base --prompt 128 --new 32 --batch 4 --mini 4 --dtype bf16",
    ]),
    errors: { notFound: message`say what to measure: temper bench ppo` },
  },
);

/** `temper bench` */
export const benchCommand = command("bench", benchPPOCommand, {
  brief: message`Measure how fast this machine trains.`,
});

/** Runs the benchmark, and prints its result. */
export async function runBench(options: InferValue<typeof benchPPOCommand>): Promise<void> {
  const { command: _, json, ...bench } = options;
  const { benchPPO, benchReport } = await import("../../bench/ppo.ts");
  const result = await benchPPO(bench);
  print(json ? JSON.stringify(result, null, 2) : benchReport(result));
}
