import type { ChartSpec } from "../../../lib/runs/kinds/chart_spec.ts";
import { pathOf, type Picked } from "./picked_files.ts";

/** Algorithm that a page can train with. */
export interface PlaygroundKind {
  /** Name in `config.json`. */
  readonly kind: string;
  /** Name for people. */
  readonly title: string;
  /** One sentence on what it learns from. */
  readonly help: string;
  /** Settings have rewards. */
  readonly hasRewards: boolean;
  /** Charts of a run. */
  readonly charts: readonly ChartSpec[];
  /** Statistics whose seconds, added up, are a step's time. */
  readonly stepTimes: readonly string[];
}

/** Models that come with the page, by their names in settings. */
export const DEMOS = {
  "demo/tiny-flan-t5": "Demo: less toxic summaries (T5, 0.9 M parameters)",
  "demo/tiny-chat": "Demo: sums of small numbers (a small chat model)",
} as const;

/** Rewards that need no file, with a word on each. */
export const READY_REWARDS: Readonly<Record<string, string>> = {
  "demo/tiny-roberta-toxicity": "Not toxic (the demo's classifier)",
  "number": "Right number (the last one in the response)",
  "exact": "Right answer (column answer, solution or summary)",
  "length:200": "Short (1 up to 200 characters)",
  "repetition": "Few repetitions",
  "sentiment": "Positive sentiment (English)",
  "profanity": "No profanity (English)",
};

/** Algorithms that the demo's chat model is made for. */
const GROUP_KINDS: readonly string[] = ["grpo", "rloo"];

/** Reward to start from, in the editor. */
export const REWARD_EXAMPLE = `// One number for each sample; higher is better.
// A sample has query, response, and columns: its row of the dataset.
export default (samples) =>
  samples.map(({ response }) => -response.length / 100);
`;

/** Name of the reward of the editor. */
export const OWN_REWARD = "mine";

/** State of the form. */
export interface Choices {
  /** Name of the algorithm. */
  kind: string;
  /** Model of the demo, or "own". */
  model: keyof typeof DEMOS | "own";
  ownModel: Picked | null;
  /** Data of the demo, or a file of the user's. */
  data: "demo" | "own";
  ownData: Picked | null;
  /** Column of the text; empty for the usual one. */
  textColumn: string;
  /** Reward: empty for the demo's, a ready one, "classifier", or "script". */
  reward: string;
  ownClassifier: Picked | null;
  script: string;
  steps: string;
  learningRate: string;
  seed: string;
  device: "auto" | "wasm" | "webgpu";
  /** Further settings, as JSON. */
  further: string;
}

/** Settings that are typed into the form. */
const TYPED = ["steps", "learningRate", "seed", "dialogueColumn"] as const;

/** Choices that the page begins with. */
export const FIRST_CHOICES: Choices = {
  kind: "ppo",
  model: "demo/tiny-flan-t5",
  ownModel: null,
  data: "demo",
  ownData: null,
  textColumn: "",
  reward: "",
  ownClassifier: null,
  script: REWARD_EXAMPLE,
  steps: "",
  learningRate: "",
  seed: "",
  device: "auto",
  further: "",
};

/**
 * Settings of a run, as its `config.json` has them: those that were not chosen are left to their
 * defaults, as on the command line.
 *
 * @throws {Error} when something is missing, no number, no JSON, or there twice
 */
export function settingsOf(choices: Choices, { hasRewards }: PlaygroundKind): {
  [name: string]: unknown;
} {
  const { kind, model, ownModel, data, ownData, textColumn, ownClassifier } = choices;
  // The demo's models have settings of their own for the runs that they are made for.
  const isDemo = model === "demo/tiny-flan-t5" ||
    (model === "demo/tiny-chat" && GROUP_KINDS.includes(kind));
  const reward = choices.reward || (isDemo ? "" : "demo/tiny-roberta-toxicity");
  const settings: Record<string, unknown> = { device: choices.device };
  settings.model = model === "own" ? pathOf("models", chosen(ownModel, "a model")) : model;
  if (data === "own") {
    settings.dataset = pathOf("data", chosen(ownData, "a dataset"));
    if (textColumn.trim() !== "") settings.dialogueColumn = textColumn.trim();
  } else if (!isDemo) {
    settings.dataset = hasRewards || kind === "sft" ? "demo/dialogues" : "demo/pairs";
  }
  if (hasRewards && reward !== "") {
    settings.reward = [
      reward === "script"
        ? OWN_REWARD
        : reward === "classifier"
        ? pathOf("classifiers", chosen(ownClassifier, "a classifier"))
        : reward,
    ];
  }
  for (const name of ["steps", "learningRate", "seed"] as const) {
    const text = choices[name].trim();
    if (text === "") continue;
    if (!Number.isFinite(Number(text))) {
      throw new Error(`\`${name}\` is ${text}, expected a number`);
    }
    settings[name] = Number(text);
  }
  const further = furtherSettings(choices.further);
  const twice = TYPED.find((name) => Object.hasOwn(settings, name) && Object.hasOwn(further, name));
  if (twice !== undefined) {
    throw new Error(
      `\`${twice}\` is in the form and in the further settings: leave one of them out`,
    );
  }
  return { ...settings, ...further };
}

function chosen(picked: Picked | null, what: string): Picked {
  if (picked === null) throw new Error(`pick ${what} first`);
  return picked;
}

function furtherSettings(text: string): Record<string, unknown> {
  if (text.trim() === "") return {};
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch (error) {
    throw new Error(`the further settings are no JSON: ${(error as Error).message}`);
  }
  if (typeof settings === "object" && settings !== null && !Array.isArray(settings)) {
    return { ...settings };
  }
  throw new Error('the further settings are no object, such as {"batchSize": 8}');
}
