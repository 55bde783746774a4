/** Usual abbreviations and names elsewhere, and the settings that they may stand for, without hyphens and in lower case. */
const ABBREVIATIONS: Readonly<Record<string, readonly string[]>> = {
  lr: ["learningRate"],
  bs: ["batchSize", "batch"],
  mbs: ["miniBatchSize"],
  perdevicetrainbatchsize: ["batchSize"],
  klcoef: ["initKlCoef", "beta"],
  beta: ["initKlCoef"],
  epochs: ["ppoEpochs"],
  numepochs: ["epochs", "ppoEpochs"],
  nepochs: ["epochs", "ppoEpochs"],
  numtrainepochs: ["epochs", "ppoEpochs"],
  maxsteps: ["steps"],
  gradaccum: ["gradientAccumulationSteps"],
  gradientcheckpointing: ["activationMemory"],
  clip: ["cliprange"],
  wd: ["weightDecay"],
  lrschedulertype: ["lrScheduler"],
  savesteps: ["saveEvery"],
  savetotallimit: ["keep"],
  evalsteps: ["evalEvery"],
  groupsize: ["numGenerations"],
  r: ["loraR"],
  rank: ["loraR"],
  alpha: ["loraAlpha"],
  maxlength: ["maxNewTokens", "maxCompletionLength", "outputMaxLength"],
  maxtokens: ["maxNewTokens", "maxCompletionLength"],
  maxnewtokens: ["maxCompletionLength"],
  maxcompletionlength: ["maxNewTokens"],
  maxseqlength: ["maxLength"],
  data: ["dataset"],
  datasetname: ["dataset"],
  modelnameorpath: ["model"],
  modelname: ["model"],
  rewardfuncs: ["reward"],
  rewardmodel: ["reward"],
  rewardmodelnameorpath: ["reward"],
  loratargetmodules: ["targetModules"],
  reportto: ["log"],
  resumefromcheckpoint: ["resume"],
  checkpoint: ["resume", "adapter"],
  out: ["output"],
  outputdir: ["output"],
  gpu: ["device"],
  bf16: ["dtype"],
  h: ["help"],
};

/** `learning_rate` and `learning-rate` as `learningRate`. */
export function camelCase(name: string): string {
  return name.replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** `learningRate` in the style of another name: with hyphens, underscores or capitals. */
export function inStyleOf(name: string, style: string): string {
  const separator = style.includes("_") ? "_" : style.includes("-") ? "-" : null;
  if (separator === null) return name;
  return name.replace(/[A-Z]/g, (letter) => separator + letter.toLowerCase());
}

/** Minimum letters of a beginning that stands for the whole name. */
const SHORTEST_BEGINNING = 3;

/**
 * Finds the name that was probably meant: one that a usual abbreviation stands for, else the only one
 * with this beginning, else the one at the smallest edit distance.
 *
 * @returns null when none is near
 */
export function nearestName(name: string, known: readonly string[]): string | null {
  const plain = (text: string) => text.replace(/[-_]/g, "").toLowerCase();
  for (const setting of [name, ...ABBREVIATIONS[plain(name)] ?? []]) {
    const found = known.find((candidate) => plain(candidate) === plain(setting));
    if (found !== undefined) return found;
  }
  const begun = known.filter((candidate) => plain(candidate).startsWith(plain(name)));
  if (begun.length === 1 && plain(name).length >= SHORTEST_BEGINNING) return begun[0];
  let best: string | null = null;
  // Names that differ in more than half of their letters have nothing in common.
  const { length } = plain(name);
  let least = Math.min(Math.max(2, Math.ceil(length / 3)), Math.floor(length / 2)) + 1;
  for (const candidate of known) {
    const distance = editDistance(plain(name), plain(candidate));
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance: insertions, deletions and substitutions that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

/** A name in snake_case, as TRL has it: `learning_rate` for `learningRate`. */
export type SnakeCase<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : Name;
