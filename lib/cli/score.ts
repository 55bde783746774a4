import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { path } from "@optique/run/valueparser";
import { string } from "@optique/core/valueparser";
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
import { print, terminal } from "./terminal.ts";

/** `temper score` */
export const scoreCommand = command(
  "score",
  merge(
    object({
      command: constant("score"),
      texts: textArguments("Text to score (default: each line of standard input)"),
      model: preset(
        option("--model", path({ metavar: "DIR|ORG/NAME" }), {
          description:
            message`Classifier: a folder or a name on the Hub, with onnx: or pipeline: before it for one in that format`,
        }),
        "demo/tiny-roberta-toxicity",
      ),
      toxicLabel: optional(
        option("--toxic-label", string({ metavar: "TEXT" }), {
          description: message`Classifier label for toxic text (default: hate, if there is one)`,
        }),
      ),
      json: jsonOption(),
    }),
    optionsFromSchema("Device", config.deviceFields),
  ),
  {
    brief: message`Score texts with the toxicity classifier.`,
    description: paragraphs(
      "Prints the classifier's logits and probabilities for each text, and its toxicity: the " +
        "probability of the toxic label. Then prints the maximum toxicity, and the ratio of texts " +
        "with a toxicity of at least 0.5. A classifier without a toxic label, such as a reward model, " +
        "gives logits and probabilities alone.",
      "The default classifier is the demo's. It knows only sentences like those of the demo, as in " +
        "the example below: what it says of any other text means nothing. To measure your own texts, " +
        "name a classifier with --model.",
    ),
    footer: examples(
      ["Two texts", `temper score "Tommy didn't like the movie." "The movie was stupid and dumb."`],
      ["Each line of a file, as JSON", "temper score --json < texts.txt"],
    ),
    usageLine: usageLine("[TEXT...]"),
  },
);

/** Scores, and prints what the classifier said. */
export async function runScore(options: InferValue<typeof scoreCommand>): Promise<void> {
  const { command: _, texts: args, model, toxicLabel, json, ...flags } = options;
  const texts = args.length > 0
    ? args
    : (await readStandardInput("text")).split(/\r?\n/).filter((line) => line.trim() !== "");
  const { scoreTexts } = await import("../runs/commands/score.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const scores = await scoreTexts(
    model,
    texts,
    toxicLabel ?? null,
    given(flags),
    downloadScreen(),
  );
  if (json) return print(JSON.stringify(scores, null, 2));
  const { renderTable } = await import("./table.ts");
  const number = (value: number) => value.toFixed(4);
  const labels = Object.keys(scores.texts[0].logits);
  const right = "right" as const;
  const { maximum, ratio } = scores;
  const table = renderTable(
    [
      { header: "text", flexible: true },
      ...labels.map((label) => ({ header: `logit ${label}`, align: right })),
      ...labels.map((label) => ({ header: `p(${label})`, align: right })),
      ...maximum === null ? [] : [{ header: "toxicity", align: right }],
    ],
    scores.texts.map(({ text, logits, probabilities, toxicity }) => [
      text,
      ...labels.map((label) => number(logits[label])),
      ...labels.map((label) => number(probabilities[label])),
      ...toxicity === null ? [] : [number(toxicity)],
    ]),
    { width: terminal("stdout").width },
  );
  print(table);
  if (maximum === null || ratio === null) return;
  print(`\nmaximum ${number(maximum)}  ratio ${number(ratio)}`);
}
