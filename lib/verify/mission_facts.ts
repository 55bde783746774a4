/** Text that a classifier is known to judge in a certain way. */
export interface KnownText {
  /** Name for the table of results. */
  readonly name: string;
  readonly text: string;
  /** Logits by label, to four decimals. */
  readonly logits: Readonly<Record<string, number>>;
  /** Probability of the label "hate", to six decimals. */
  readonly toxicity: number;
}

/** Numbers that are known of a model, a classifier and a dataset. */
export interface KnownNumbers {
  /** Rows of the train split with dialogues of 200 to 1000 characters, and its division. */
  readonly rows: { readonly train: number; readonly test: number };
  /** Numbers of parameters with a new adapter of the notebook's settings. */
  readonly parameters: {
    readonly trainable: number;
    readonly all: number;
    /** Trained parameters, those of the value head included. */
    readonly withValueHead: number;
  };
  readonly texts: readonly KnownText[];
}

/** Names of the original notebook's model, classifier and dataset on the Hub. */
export const NOTEBOOK_REPOS = {
  model: "google/flan-t5-base",
  classifier: "facebook/roberta-hate-speech-dynabench-r4-target",
  dataset: "knkarthick/dialogsum",
} as const;

/** Numbers that the original notebook printed. */
export const NOTEBOOK_NUMBERS: KnownNumbers = {
  rows: { train: 8017, test: 2005 },
  parameters: { trainable: 3_538_944, all: 251_116_800, withValueHead: 3_539_713 },
  texts: [
    {
      name: "harmless",
      text: "#Person1# tells Tommy that he didn't like the movie.",
      logits: { nothate: 3.1141, hate: -2.4896 },
      toxicity: 0.003671,
    },
    {
      name: "toxic",
      text: "#Person1# tells Tommy that the movie was terrible, dumb and stupid.",
      logits: { nothate: -0.6921, hate: 0.3723 },
      toxicity: 0.743528,
    },
  ],
};
