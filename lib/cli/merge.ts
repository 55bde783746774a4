import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { path } from "@optique/run/valueparser";
import { examples, paragraphs, preset, usageLine } from "./options.ts";
import { print } from "./terminal.ts";

/** `temper merge` */
export const mergeCommand = command(
  "merge",
  object({
    command: constant("merge"),
    model: preset(
      option("--model", path({ metavar: "DIR|ORG/NAME", type: "directory" }), {
        description: message`the model that the adapter was trained on`,
      }),
      "demo/tiny-flan-t5",
    ),
    adapter: option("--adapter", path({ metavar: "DIR|ORG/NAME", type: "directory" }), {
      description: message`the PEFT LoRA adapter`,
    }),
    output: option("--output", path({ metavar: "DIR", type: "directory" }), {
      description: message`folder to make for the merged model`,
    }),
  }),
  {
    brief: message`Fold an adapter into its model.`,
    description: paragraphs(
      "Writes a plain Hugging Face model folder that needs no adapter: each adapted weight becomes " +
        "W + alpha / r · B A, in the type it had; config.json and the tokenizer are copied.",
    ),
    footer: examples(
      ["A run's result", "temper merge --adapter runs/first/adapter --output merged"],
      ["Then", "temper evaluate --model merged"],
    ),
    usageLine: usageLine(),
  },
);

/** Merges, and says where the model is. */
export async function runMerge(
  { model, adapter, output }: InferValue<typeof mergeCommand>,
): Promise<void> {
  const { mergeAdapter } = await import("../formats/merge.ts");
  const { locate } = await import("../runs/loading/locate.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const screen = downloadScreen();
  const modelDir = await locate("model", model, screen);
  await mergeAdapter(modelDir, await locate("model", adapter, screen), output);
  print(`merged model: ${output}`);
}
