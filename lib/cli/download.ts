import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { choice, string } from "@optique/core/valueparser";
import { examples, jsonOption, paragraphs, preset, usageLine } from "./options.ts";
import { print } from "./terminal.ts";

/** `temper download` */
export const downloadCommand = command(
  "download",
  object({
    command: constant("download"),
    repos: multiple(
      argument(string({ metavar: "REPO" }), {
        description: message`org/name, or org/name@revision: a branch, a tag or a commit`,
      }),
      { min: 1, errors: { tooFew: message`no repository: give one or more, as org/name` } },
    ),
    type: preset(
      option("--type", choice(["model", "onnx", "dataset"], { metavar: "model|onnx|dataset" }), {
        description:
          message`what is wanted: a model or adapter, a model in ONNX form, or a dataset`,
      }),
      "model",
    ),
    json: jsonOption(),
  }),
  {
    brief: message`Download models, adapters or datasets from the Hugging Face Hub.`,
    description: paragraphs(
      "Brings the files that Temper reads into the cache, and prints the folder of each " +
        "repository. Other commands download what they need by themselves: this one is for machines " +
        "without a network. Bring them the cache, and set HF_HUB_OFFLINE=1 there.",
      "The cache is the one of Python's huggingface_hub, ~/.cache/huggingface/hub; HF_HOME or " +
        "HF_HUB_CACHE puts it elsewhere. HF_TOKEN, or the token that hf auth login stored, opens " +
        "gated and private repositories. HF_ENDPOINT names a mirror, HTTPS_PROXY a proxy.",
    ),
    footer: examples(
      [
        "The models of the original notebook",
        "temper download google/flan-t5-base facebook/roberta-hate-speech-dynabench-r4-target",
      ],
      ["Its dataset", "temper download --type dataset knkarthick/dialogsum"],
      [
        "Into a folder to take along, as it was at a commit or tag",
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
    if (!json) print(folder);
  }
  if (json) print(JSON.stringify(downloaded, null, 2));
}
