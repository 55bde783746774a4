import { isThere } from "../../platform/files.ts";
import { UserError } from "../../errors.ts";
import type { Device } from "../../device/device.ts";
import type { DownloadHooks } from "../../hub/download.ts";
import { ClassifierReward } from "../../rewards/classifier_reward.ts";
import {
  columnsOf,
  fileOf,
  READY_REWARDS,
  readyName,
  readyReward,
} from "../../rewards/ready/ready.ts";
import { loadScriptReward } from "../../rewards/script_reward.ts";
import { labelIndex, type TextClassifier } from "../../rewards/text_classifier.ts";
import { type WeightedReward, WeightedRewards } from "../../rewards/weighted_rewards.ts";
import { nearestName } from "../../settings/names.ts";
import { loadClassifier, locateClassifier } from "./classifiers.ts";
import type { TrainConfig } from "../settings/config.ts";
import { DEMO_CLASSIFIER } from "../settings/demo.ts";

/** The settings that rewards are made from. */
export type RewardSettings = Pick<
  TrainConfig,
  "reward" | "rewardWeights" | "rewardLabel" | "rewardMode"
>;

/** The settings that the toxicity classifier is made from. */
export type ToxicitySettings = Pick<TrainConfig, "toxicityModel" | "toxicLabel">;

/** The rewards of a run. */
export interface LoadedRewards {
  /** All of them, as one. */
  rewards: WeightedRewards;
  /** The first classifier among them. */
  classifier: TextClassifier | null;
  /** Notices about texts that were too long for a classifier. */
  notices(): string[];
}

/**
 * Loads the rewards of a run: ready ones, scripts, and classifiers as {@linkcode loadClassifier} names them.
 *
 * @throws {UserError} when one is missing or broken, or a classifier has no such label
 */
export async function loadRewards(
  device: Device,
  settings: RewardSettings,
  hooks: DownloadHooks = {},
): Promise<LoadedRewards> {
  const weighted: WeightedReward[] = [];
  const classifierRewards: ClassifierReward[] = [];
  let first: TextClassifier | null = null;
  const names = rewardNames(settings.reward);
  for (const [index, path] of settings.reward.entries()) {
    const weight = settings.rewardWeights?.[index] ?? 1;
    const ready = readyName(path);
    if (ready) {
      weighted.push({ name: names[index], reward: await readyReward(ready), weight });
      continue;
    }
    if (isScript(path)) {
      const { reward } = await loadScriptReward(path);
      weighted.push({ name: names[index], reward, weight });
      continue;
    }
    checkReadyName(path);
    const classifier = await loadClassifier(device, path, hooks);
    const reward = new ClassifierReward(classifier, {
      label: settings.rewardLabel,
      softmax: settings.rewardMode === "softmax",
    });
    first ??= classifier;
    classifierRewards.push(reward);
    weighted.push({ name: names[index], reward: reward.score, weight });
  }
  return {
    rewards: new WeightedRewards(weighted),
    classifier: first,
    notices: () =>
      classifierRewards.map((reward) => reward.truncationNotice()).filter((notice) =>
        notice !== null
      ),
  };
}

/**
 * Last parts of paths that are no names: objects put keys that are numbers first, and each run that
 * trains a reward model has its result in one of these folders.
 */
const NAMELESS = /^(\d+|model|adapter)$/;

/**
 * Names of rewards in logs and messages: the ready reward's or the file's. Two of the same name (two
 * formats, the models of two runs) are told apart by more of their settings, and what has no name of
 * its own takes its folder's: `runs/3` is `runs-3`, `runs/judge/model` is `judge-model`.
 */
export function rewardNames(settings: readonly string[]): string[] {
  const parts = settings.map((setting) => {
    const ready = readyName(setting);
    if (ready) return [setting, ready.name];
    return setting.split(/[\\/]/).filter((part) => part !== "" && part !== ".");
  });
  const shortest = parts.map((all) => all.at(-1) ?? "");
  return parts.map((all, index) => {
    const name = shortest[index];
    const isOnly = shortest.indexOf(name) === shortest.lastIndexOf(name);
    if (isOnly && !NAMELESS.test(name)) return name;
    if (readyName(settings[index])) return settings[index];
    const longer = all.slice(-2).join("-");
    const isLonger = all.length > 1 && !shortest.includes(longer) &&
      parts.filter((other) => other.slice(-2).join("-") === longer).length === 1;
    return isLonger ? longer : `reward ${settings[index]}`;
  });
}

/** Tells a misspelt ready reward from a missing folder. @throws {UserError} */
function checkReadyName(reward: string): void {
  const [, word] = /^([a-z]+)(?::.*)?$/.exec(reward) ?? [];
  if (word === undefined || ["onnx", "pipeline"].includes(word) || isThere(reward)) return;
  const nearest = nearestName(word, READY_REWARDS);
  const ready = `ready rewards: ${READY_REWARDS.join(", ")}`;
  throw new UserError(
    `there is neither a folder nor a ready reward "${reward}": ` +
      (nearest ? `did you mean ${nearest}? (${ready})` : ready),
  );
}

/**
 * Checks that a dataset has the columns that ready rewards read.
 *
 * @throws {UserError} when it does not
 */
export function checkRewardColumns(rewards: readonly string[], columns: readonly string[]): void {
  for (const reward of rewards) {
    const ready = readyName(reward);
    const needed = ready === null ? [] : columnsOf(ready);
    if (needed.length === 0 || needed.some((name) => columns.includes(name))) continue;
    throw new UserError(
      `the reward ${reward} reads the right answers from ${needed.join(" or ")}, which the ` +
        `dataset does not have: name one of its columns (${columns.join(", ")}), such as ` +
        `${ready!.name}:${columns[0]}`,
    );
  }
}

/**
 * Finds what a reward is made of: a script, a classifier's folder or a schema; null for a ready one
 * that reads no file.
 *
 * @throws {UserError} when it is not there
 */
export async function locateReward(path: string, hooks: DownloadHooks): Promise<string | null> {
  const ready = readyName(path);
  if (ready) return fileOf(ready);
  return isScript(path) ? path : (await locateClassifier(path, hooks)).folder;
}

/** Recognizes a reward that is a script, which runs as code. */
export function isScript(path: string): boolean {
  return /\.[cm]?[jt]s$/.test(path);
}

/**
 * Loads the classifier that measures toxicity: the one named, else the one that rewards, else the
 * demo's. The only label of a reward model is taken for toxicity where it is named alone.
 *
 * @throws {UserError} when it is missing or broken, or has no such label
 */
export async function loadToxicityClassifier(
  device: Device,
  settings: ToxicitySettings,
  rewarding: TextClassifier | null = null,
  hooks: DownloadHooks = {},
): Promise<TextClassifier> {
  const { toxicityModel, toxicLabel } = settings;
  const isUsable = rewarding !== null &&
    (rewarding.labels.length > 1 || rewarding.labels.includes(toxicLabel));
  const classifier = toxicityModel === null && isUsable
    ? rewarding
    : await loadClassifier(device, toxicityModel ?? DEMO_CLASSIFIER, hooks);
  labelIndex(classifier, toxicLabel, "toxic");
  return classifier;
}
