import { stringify } from "../../packages/yaml.ts";
import type { TaskType } from "../../formats/peft.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { baseModelName } from "../loading/locate.ts";

/** Settings of where things are and how they are shown, which say nothing about the result. */
const LEFT_OUT: readonly string[] = [
  "output",
  "datasetCache",
  "progress",
  "log",
  "keep",
  "saveEvery",
  "threads",
  "autotune",
  "profile",
  "turbo",
  "activationMemory",
];

/** The Hub's names for what models do. */
const PIPELINES: Readonly<Record<TaskType | "SEQ_CLS", string>> = {
  SEQ_2_SEQ_LM: "text2text-generation",
  CAUSAL_LM: "text-generation",
  SEQ_CLS: "text-classification",
};

/** Contents of a model card. */
export interface CardContents {
  /** Model that was trained, or that the adapter is for. */
  model: { readonly taskType: LanguageModel["taskType"] | "SEQ_CLS" };
  /** Settings of the run. */
  config: { readonly model: string; readonly name: string | null };
  /** Result of training: an adapter for the model, or a model. */
  result: "adapter" | "model";
  /** Tags for the Hub, such as the algorithm. */
  tags: readonly string[];
  /** Markdown between the title and the settings. */
  body: string;
}

/**
 * README.md of a result, with the front matter that PEFT and transformers write for the Hugging Face
 * Hub, and every setting at its end.
 */
export function card({ model, config, result, tags, body }: CardContents): string {
  const base = baseModelName(config.model);
  const isAdapter = result === "adapter";
  const relation = isAdapter ? "adapter" : "finetune";
  const frontMatter = stringify({
    base_model: base,
    library_name: isAdapter ? "peft" : "transformers",
    pipeline_tag: PIPELINES[model.taskType],
    tags: [`base_model:${relation}:${base}`, ...(isAdapter ? ["lora"] : []), ...tags, "temper"],
  });
  const settings = Object.entries(config).filter(([name]) => !LEFT_OUT.includes(name));
  const title = config.name ?? (isAdapter ? `LoRA adapter for ${base}` : `${base}, fine-tuned`);
  return `---
${frontMatter}---

# ${title}

${body}
## Settings

\`\`\`json
${JSON.stringify(Object.fromEntries(settings), null, 2)}
\`\`\`
`;
}

/** Sentence on how often the response after training has the higher reward. */
export function winRateSentence(winRate: number, response: "answer" | "response"): string {
  const percent = (100 * winRate).toFixed(0);
  return `The ${response} after training has the higher reward for ${percent} % of the prompts ` +
    "(ties count half).";
}
