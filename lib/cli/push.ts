import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { examples, jsonOption, paragraphs, usageLine } from "./options.ts";
import { visibleLine } from "../visible_text.ts";
import { print } from "./terminal.ts";

/** `temper push` */
export const pushCommand = command(
  "push",
  object({
    command: constant("push"),
    folder: argument(path({ metavar: "RUN|FOLDER", type: "directory" }), {
      description: message`Folder of a run, an adapter, a checkpoint or a model`,
    }),
    repo: argument(string({ metavar: "ORG/NAME" }), {
      description: message`Repository, created if it does not exist`,
    }),
    private: option("--private", {
      description: message`Create a private repository; an existing one must be private`,
    }),
    revision: optional(option("--revision", string({ metavar: "BRANCH" }), {
      description: message`Branch to push to, created if it does not exist`,
    })),
    json: jsonOption(),
  }),
  {
    brief: message`Push a run's adapter or model to the Hugging Face Hub.`,
    description: paragraphs(
      "Pushes the adapter, its value head and its model card, or the model of sft --full or merge, and " +
        "for a run also config.json, metrics.jsonl, summary.json and what it compares (comparison.csv, " +
        "answers.jsonl, summaries.jsonl or pairs.jsonl), in the folder run/. Everything is pushed in " +
        "one commit, or nothing is.",
      "Needs a token with write access: HF_TOKEN, or the one stored by hf auth login. HF_ENDPOINT " +
        "sets another Hub.",
    ),
    footer: examples(
      ["The adapter of a run", "temper push runs/first me/flan-t5-detoxified --private"],
      ["Use it on any machine", "temper generate --adapter me/flan-t5-detoxified TEXT"],
    ),
    usageLine: usageLine("RUN|FOLDER", "ORG/NAME"),
  },
);

/** Pushes, and prints where it is. */
export async function runPush(options: InferValue<typeof pushCommand>): Promise<void> {
  const { folder, repo: name, revision, json } = options;
  const { requireRepo } = await import("../hub/repo.ts");
  const { hubSettings } = await import("../hub/settings.ts");
  const { pushFiles } = await import("../hub/push.ts");
  const { ADAPTER_WEIGHTS, publishedFiles } = await import("../runs/commands/published_files.ts");
  const { formatBytes } = await import("./download_screen.ts");
  const repo = requireRepo("model", revision === undefined ? name : `${name}@${revision}`);
  const files = await publishedFiles(folder);
  const pushed = await pushFiles(repo, files, {
    title: "Upload files trained with Temper",
    private: options.private,
    obsolete: ADAPTER_WEIGHTS,
  }, hubSettings());
  if (json) {
    const paths = files.map(({ path }) => path);
    return print(
      JSON.stringify(
        { repo: repo.name, revision: repo.revision, ...pushed, files: paths },
        null,
        2,
      ),
    );
  }
  const size = files.reduce((sum, { content }) => sum + content.size, 0);
  print(`pushed ${files.length} files (${formatBytes(size)}): ${visibleLine(pushed.url)}`);
}
