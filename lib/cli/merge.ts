import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { path } from "@optique/run/valueparser";
import { examples, paragraphs, preset, usageLine } from "./options.ts";
import { visibleLine } from "../visible_text.ts";
import { print } from "./terminal.ts";

/** `temper merge` */
export const mergeCommand = command(
  "merge",
  object({
    command: constant("merge"),
    model: preset(
      option("--model", path({ metavar: "DIR|ORG/NAME", type: "directory" }), {
        description: message`Base model of the adapter`,
      }),
      "demo/tiny-flan-t5",
    ),
    adapter: option("--adapter", path({ metavar: "DIR|ORG/NAME", type: "directory" }), {
      description: message`PEFT LoRA adapter`,
    }),
    output: option("--output", path({ metavar: "DIR", type: "directory" }), {
      description: message`Folder to create for the merged model`,
    }),
  }),
  {
    brief: message`Merge an adapter into its model.`,
    description: paragraphs(
      "Writes a Hugging Face model folder that needs no adapter: each adapted weight becomes " +
        "W + alpha / r · B A, in its original type. config.json and the tokenizer are copied.",
    ),
    footer: examples(
      ["The adapter of a run", "temper merge --adapter runs/first/adapter --output merged"],
      ["Evaluate the merged model", "temper evaluate --model merged"],
    ),
    usageLine: usageLine(),
  },
);

/** Merges, and says where the model is. */
export async function runMerge(
  { model, adapter, output }: InferValue<typeof mergeCommand>,
): Promise<void> {
  const { mergeAdapter } = await import("../models/merge.ts");
  const { locate } = await import("../runs/loading/locate.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const screen = downloadScreen();
  const modelDir = await locate("model", model, screen);
  await mergeAdapter(modelDir, await locate("model", adapter, screen), output);
  print(`merged model: ${visibleLine(output)}`);
}
