import type { DeviceOptions } from "../../device/open.ts";
import type { PolicySettings } from "../loading/policy.ts";
import type { RewardSettings, ToxicitySettings } from "../loading/rewards.ts";

/** Settings of a run that responses are made with. */
export interface AnswerSettings
  extends PolicySettings, DeviceOptions, Partial<RewardSettings>, Partial<ToxicitySettings> {
  /** Template of the prompt; {dialogue} stands for the text. */
  readonly prompt: string;
  /** File with the chat template; null for the model's own. */
  readonly chatTemplate: string | null;
  /** Maximum number of tokens of a response; null for that of training. */
  readonly evalMaxNewTokens: number | null;
  /** Maximum number of tokens of a response in training. Default 256. */
  readonly maxCompletionLength?: number | null;
  /** Minimum length of a response, start token included; else none. */
  readonly minLength?: number;
}
