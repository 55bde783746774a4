import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { command, constant, negatableFlag, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { integer, string } from "@optique/core/valueparser";
import { UserError } from "../errors.ts";
import * as config from "../runs/settings/config.ts";
import { DEMO_CHAT_MODEL } from "../runs/settings/demo.ts";
import {
  examples,
  given,
  jsonOption,
  paragraphs,
  readStandardInput,
  textArguments,
  usageLine,
} from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { print, printData } from "./terminal.ts";

/** Default maximum length of a response, in tokens: of a text, and in a chat. */
const NEW_TOKENS = { text: 100, chat: 512 };

/** `temper generate` */
export const generateCommand = command(
  "generate",
  merge(
    object({
      command: constant("generate"),
      texts: textArguments("Text to respond to (default: standard input)"),
      chat: option("--chat", {
        description:
          message`Chat in the form of the model's chat template: with each argument, or line by line`,
      }),
      system: optional(option("--system", string({ metavar: "TEXT" }), {
        description: message`System prompt of a chat`,
      })),
      newTokens: optional(option("--max-new-tokens", integer({ min: 1, metavar: "N" }), {
        description: message`Maximum response length, in tokens (default: 100, in a chat 512)`,
      })),
      sample: optional(negatableFlag({ positive: "--sample", negative: "--no-sample" }, {
        description:
          message`Sample tokens at random instead of taking the most likely one (default: if a temperature, top-k, top-p or min-p is given)`,
      })),
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
      "With --chat, answers each text as the message of a conversation; without texts, holds a " +
        "conversation with the lines of standard input. At a terminal, Ctrl-C stops an answer, " +
        "Ctrl-D or /exit leaves, and /help shows further commands.",
    ),
    footer: examples(
      ["Chat with the demo's model", "temper generate --chat"],
      [
        "Chat with your own model and adapter",
        "temper generate --chat --model ./SmolLM2-135M-Instruct --adapter runs/first/adapter",
      ],
      ["A single answer", 'temper generate --chat "What is 2 + 3?"'],
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
  const { command: _, texts, chat, system, newTokens, sample, json, ...flags } = options;
  const { temperature, topK, topP, minP } = flags;
  const sampling = {
    maxNewTokens: newTokens ?? NEW_TOKENS[chat ? "chat" : "text"],
    doSample: sample ?? [temperature, topK, topP, minP].some((value) => value !== undefined),
  };
  if (chat) {
    if (flags.prompt !== undefined) {
      throw new UserError(
        "`prompt` does not apply to a chat, which uses the model's chat template: leave it out",
      );
    }
    return await runChat({ model: DEMO_CHAT_MODEL, ...given(flags) }, sampling, options);
  }
  if (system !== undefined) {
    throw new UserError("--system applies only to a chat: add --chat", { exitCode: 2 });
  }
  const { generateTexts } = await import("../runs/commands/generate.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const asked = texts.length > 0 ? texts : [await readStandardInput("text")];
  const resolved = { ...config.resolveTrainConfig(given(flags)), prompt: flags.prompt ?? null };
  const responses = await generateTexts(resolved, asked, sampling, downloadScreen());
  printResponses(asked, responses, json);
}

/** Answers messages, or holds a conversation. */
async function runChat(
  settings: config.TrainConfigInput,
  { maxNewTokens, doSample }: { maxNewTokens: number; doSample: boolean },
  { texts, system, json }: Pick<
    InferValue<typeof generateCommand>,
    "texts" | "system" | "json"
  >,
): Promise<void> {
  // An answer may be as short as it is.
  const resolved = config.resolveTrainConfig({ minLength: 0, ...settings });
  const { Chat } = await import("../runs/commands/chat.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const sampling = { ...config.samplingOf(resolved), maxNewTokens, doSample };
  const chat = await Chat.open(resolved, sampling, downloadScreen());
  try {
    if (texts.length > 0) {
      const answers: string[] = [];
      const before = system === undefined ? [] : [{ role: "system", content: system }];
      for (const text of texts) {
        answers.push(await chat.answer([...before, { role: "user", content: text }]));
      }
      return printResponses(texts, answers, json);
    }
    const { holdChat } = await import("./chat_loop.ts");
    const { chatPlace } = await import("./chat_place.ts");
    const place = chatPlace(json);
    if (place.interactive) {
      place.note(`${resolved.model} on ${chat.deviceDescription}; /help shows the commands`);
    }
    const messages = await holdChat(chat, place, system ?? null);
    if (json) print(JSON.stringify(messages, null, 2));
  } finally {
    chat.close();
  }
}

function printResponses(
  texts: readonly string[],
  responses: readonly string[],
  json: boolean,
): void {
  if (json) {
    const pairs = texts.map((text, index) => ({ text, response: responses[index] }));
    return print(JSON.stringify(pairs, null, 2));
  }
  for (const response of responses) printData(`${response}\n`);
}
