import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { examples, jsonOption, paragraphs, usageLine } from "./options.ts";
import { print } from "./terminal.ts";

/** `temper push` */
export const pushCommand = command(
  "push",
  object({
    command: constant("push"),
    folder: argument(path({ metavar: "RUN|FOLDER", type: "directory" }), {
      description: message`a run, an adapter's folder, or a checkpoint`,
    }),
    repo: argument(string({ metavar: "ORG/NAME" }), {
      description: message`the repository, made where there is none`,
    }),
    private: option("--private", {
      description: message`make it a private one`,
    }),
    revision: optional(option("--revision", string({ metavar: "BRANCH" }), {
      description: message`push to this branch, made where there is none`,
    })),
    json: jsonOption(),
  }),
  {
    brief: message`Push a run's adapter to the Hugging Face Hub.`,
    description: paragraphs(
      "Pushes the adapter, its value head and its model card; of a run also config.json, " +
        "metrics.jsonl, summary.json and comparison.csv, in the folder run/. It is one commit: all " +
        "arrives, or nothing.",
      "It takes HF_TOKEN, or the token that hf auth login stored, with the right to write. " +
        "HF_ENDPOINT names another Hub.",
    ),
    footer: examples(
      ["A run's result", "temper push runs/first me/flan-t5-detoxified --private"],
      ["Then, anywhere", "temper generate --adapter me/flan-t5-detoxified TEXT"],
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
  const { ADAPTER_WEIGHTS, publishedFiles } = await import("../runs/folder/published_files.ts");
  const { formatBytes } = await import("./download_screen.ts");
  const repo = requireRepo("model", revision === undefined ? name : `${name}@${revision}`);
  const files = await publishedFiles(folder);
  const pushed = await pushFiles(repo, files, {
    title: "Upload adapter trained with Temper",
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
  print(`pushed ${files.length} files (${formatBytes(size)}): ${pushed.url}`);
}
