import { repeatedName } from "../../shared/json_rows.ts";
import type { ChartSpec } from "../../../lib/runs/kinds/chart_spec.ts";
import type { ChosenDevice } from "./fields.tsx";
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
  /** Settings name the column of the text. */
  readonly hasTextColumn: boolean;
  /** Model of the demo that it is made for, and its data there: the defaults of its settings. */
  readonly demo: { readonly model: Demo; readonly dataset: string };
  /** Model that is trained writes text. */
  readonly writes: boolean;
  /** Charts of a run. */
  readonly charts: readonly ChartSpec[];
  /** Statistics whose seconds, added up, are a step's time. */
  readonly stepTimes: readonly string[];
}

/** Models that come with the page, by their names in settings. */
export const DEMOS = {
  "demo/tiny-flan-t5": "Demo: less toxic summaries",
  "demo/tiny-chat": "Demo: sums, in a chat",
  "demo/tiny-roberta-toxicity": "Demo: a classifier of toxicity",
} as const;

/** Model that comes with the page. */
export type Demo = keyof typeof DEMOS;

/** Words on the models that come with the page. */
export const DEMO_HELP: Readonly<Record<Demo, string>> = {
  "demo/tiny-flan-t5":
    "A T5 of 0.9 million parameters that summarizes dialogues. It knows no other text.",
  "demo/tiny-chat":
    "A chat model of a million parameters that adds two numbers, and is right one time in three.",
  "demo/tiny-roberta-toxicity": "A RoBERTa that scores how harmless a text is.",
};

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
  model: Demo | "own";
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
  device: ChosenDevice;
  /** Further settings, as JSON. */
  further: string;
}

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

/** The demo's models that an algorithm trains: a reward model is one that scores, others write. */
export function demosOf({ writes }: PlaygroundKind): Demo[] {
  return writes ? ["demo/tiny-flan-t5", "demo/tiny-chat"] : ["demo/tiny-roberta-toxicity"];
}

/** Choices with another algorithm: a model of the demo that it does not train makes way for one that it does. */
export function withKind(choices: Choices, kind: PlaygroundKind): Choices {
  const { model } = choices;
  const demos = demosOf(kind);
  return {
    ...choices,
    kind: kind.kind,
    model: model === "own" || demos.includes(model) ? model : demos[0],
  };
}

/** Choices with another model; the demo's chat model brings the first algorithm that is made for it. */
export function withModel(
  choices: Choices,
  model: Choices["model"],
  kinds: readonly PlaygroundKind[],
): Choices {
  if (model !== "demo/tiny-chat") return { ...choices, model };
  const madeForIt = kinds.find(({ demo }) => demo.model === model);
  return { ...choices, model, kind: madeForIt?.kind ?? choices.kind };
}

/** Settings of a run, by their names in its `config.json`. */
type Settings = Record<string, unknown>;

/**
 * Settings of a run, as its `config.json` has them: those that were not chosen are left to their
 * defaults, as on the command line.
 *
 * @throws {Error} when something is missing, no number, no JSON, or there twice
 */
export function settingsOf(choices: Choices, kind: PlaygroundKind): Settings {
  const chosen = chosenSettings(choices, kind);
  const further = furtherSettings(choices.further);
  const twice = Object.keys(further).find((name) => Object.hasOwn(chosen, name));
  if (twice !== undefined) {
    throw new Error(
      `\`${twice}\` is in the form and in the further settings: leave one of them out`,
    );
  }
  return { device: choices.device, ...demoSettings(choices, kind), ...chosen, ...further };
}

/** Settings that the form says. */
function chosenSettings(
  choices: Choices,
  { hasRewards, hasTextColumn }: PlaygroundKind,
): Settings {
  const { model, ownModel, data, ownData, textColumn, reward, ownClassifier, device } = choices;
  const settings: Settings = {
    model: model === "own" ? pathOf("models", picked(ownModel, "a model")) : model,
  };
  if (device !== "auto") settings.device = device;
  if (data === "own") {
    settings.dataset = pathOf("data", picked(ownData, "a dataset"));
    if (hasTextColumn && textColumn.trim() !== "") settings.dialogueColumn = textColumn.trim();
  }
  if (hasRewards && reward !== "") {
    settings.reward = [
      reward === "script"
        ? OWN_REWARD
        : reward === "classifier"
        ? pathOf("classifiers", picked(ownClassifier, "a classifier"))
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
  return settings;
}

/** Data and reward of the demo where the model has none of its own: it is not made for the algorithm. */
function demoSettings({ model }: Choices, { hasRewards, demo }: PlaygroundKind): Settings {
  const isChat = model === "demo/tiny-chat";
  const isMadeForIt = isChat ? demo.model === model : model !== "own";
  if (isMadeForIt) return {};
  if (!hasRewards) return { dataset: demo.dataset };
  return isChat
    ? { dataset: "demo/additions", reward: ["number"] }
    : { dataset: "demo/dialogues", reward: ["demo/tiny-roberta-toxicity"] };
}

/**
 * Sentence on the demo's data where the demo's model does not suit them; null where it does, or where
 * something is the user's own.
 */
export function misfitOf({ model, data }: Choices, { hasRewards, demo }: PlaygroundKind) {
  if (model !== "demo/tiny-chat" || data !== "demo" || hasRewards) return null;
  return `The demo's ${demo.dataset === "demo/pairs" ? "pairs" : "texts"} are summaries of ` +
    "dialogues, which this model was not trained on: use the demo's other model, or your own data.";
}

function picked(files: Picked | null, what: string): Picked {
  if (files === null) throw new Error(`pick ${what} first`);
  return files;
}

function furtherSettings(text: string): Settings {
  if (text.trim() === "") return {};
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch (error) {
    throw new Error(`the further settings are not JSON: ${(error as Error).message}`);
  }
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw new Error('the further settings are no object, such as {"batchSize": 8}');
  }
  const twice = repeatedName(text);
  if (twice !== null) {
    throw new Error(
      `\`${twice}\` appears twice in the further settings: leave one of them out`,
    );
  }
  return { ...settings };
}
