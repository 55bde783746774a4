import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant, negatableFlag, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { integer } from "@optique/core/valueparser";
import * as config from "../runs/settings/config.ts";
import {
  examples,
  given,
  jsonOption,
  paragraphs,
  preset,
  readStandardInput,
  textArguments,
  usageLine,
} from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { print, printData } from "./terminal.ts";

/** `temper generate` */
export const generateCommand = command(
  "generate",
  merge(
    object({
      command: constant("generate"),
      texts: textArguments("Text to respond to (default: standard input)"),
      newTokens: preset(
        option("--max-new-tokens", integer({ min: 1, metavar: "N" }), {
          description: message`Maximum response length, in tokens`,
        }),
        100,
      ),
      sample: preset(
        negatableFlag({ positive: "--sample", negative: "--no-sample" }, {
          description: message`Sample tokens at random instead of taking the most likely one`,
        }),
        false,
      ),
      json: jsonOption(),
    }),
    optionsFromSchema("Policy", { ...config.modelFields, prompt: config.dataFields.prompt }),
    optionsFromSchema("Sampling", { ...config.generationFields, seed: config.runFields.seed }),
    optionsFromSchema("Device", config.deviceFields),
  ),
  {
    brief: message`Generate a policy's responses to texts.`,
    description: paragraphs(
      "Inserts each text into the prompt template and prints the responses, one per line, in the " +
        "order of the texts. On a terminal, control characters in a response are shown as symbols; " +
        "a file or a pipe gets the response as it is.",
    ),
    footer: examples(
      ["Summarize a dialogue in a file", "temper generate < dialogue.txt"],
      ["With a trained adapter", "temper generate --adapter runs/first/adapter < dialogue.txt"],
      [
        "Without the prompt template",
        'temper generate --prompt "{dialogue}" "Translate to German: hi"',
      ],
    ),
    usageLine: usageLine("[TEXT...]"),
  },
);

/** Generates, and prints the responses. */
export async function runGenerate(options: InferValue<typeof generateCommand>): Promise<void> {
  const { command: _, texts: args, newTokens, sample, json, ...flags } = options;
  const texts = args.length > 0 ? args : [await readStandardInput("text")];
  const resolved = config.resolveTrainConfig(given(flags));
  const { generateTexts } = await import("../runs/commands/generate.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const sampling = { maxNewTokens: newTokens, doSample: sample };
  const responses = await generateTexts(resolved, texts, sampling, downloadScreen());
  if (json) {
    const pairs = texts.map((text, index) => ({ text, response: responses[index] }));
    return print(JSON.stringify(pairs, null, 2));
  }
  for (const response of responses) printData(`${response}\n`);
}
