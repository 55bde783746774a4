import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { choice, string } from "@optique/core/valueparser";
import { examples, jsonOption, paragraphs, preset, usageLine } from "./options.ts";
import { print, printData } from "./terminal.ts";

/** `temper download` */
export const downloadCommand = command(
  "download",
  object({
    command: constant("download"),
    repos: multiple(
      argument(string({ metavar: "REPO" }), {
        description:
          message`Repository: org/name, or org/name@revision for a branch, tag or commit`,
      }),
      { min: 1, errors: { tooFew: message`no repository given: name at least one, as org/name` } },
    ),
    type: preset(
      option("--type", choice(["model", "onnx", "dataset"], { metavar: "model|onnx|dataset" }), {
        description: message`Contents: a model or adapter, a model in ONNX format, or a dataset`,
      }),
      "model",
    ),
    json: jsonOption(),
  }),
  {
    brief: message`Download models, adapters or datasets from the Hugging Face Hub.`,
    description: paragraphs(
      "Downloads the files that Temper reads into the cache, and prints the folder of each " +
        "repository. The other commands download what they need; this one prepares the cache for a " +
        "machine without a network: copy the cache there, and set HF_HUB_OFFLINE=1.",
      "The cache is shared with Python's huggingface_hub: ~/.cache/huggingface/hub, unless HF_HOME or " +
        "HF_HUB_CACHE is set. Gated and private repositories need a token: HF_TOKEN, or the one " +
        "stored by hf auth login. HF_ENDPOINT sets a mirror, HTTPS_PROXY a proxy.",
    ),
    footer: examples(
      [
        "The models of the original notebook",
        "temper download google/flan-t5-base facebook/roberta-hate-speech-dynabench-r4-target",
      ],
      ["Its dataset", "temper download --type dataset knkarthick/dialogsum"],
      [
        "One revision, into a folder that can be copied",
        "HF_HOME=./hf temper download google/flan-t5-base@main",
      ],
    ),
    usageLine: usageLine("REPO..."),
  },
);

/** Downloads, and prints the folders. */
export async function runDownload(options: InferValue<typeof downloadCommand>): Promise<void> {
  const { repos: names, type, json } = options;
  const { requireRepo } = await import("../hub/repo.ts");
  const { downloadRepo } = await import("../hub/download.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const screen = downloadScreen();
  // All names are looked at before anything is downloaded.
  const repos = names.map((name) => requireRepo(type, name));
  const downloaded: { repo: string; revision: string; folder: string }[] = [];
  for (const repo of repos) {
    const folder = await downloadRepo(repo, screen);
    downloaded.push({ repo: repo.name, revision: repo.revision, folder });
    if (!json) printData(`${folder}\n`);
  }
  if (json) print(JSON.stringify(downloaded, null, 2));
}
