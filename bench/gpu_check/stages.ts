/** Stages of `gpu-check`, and how they share its time. */

/** A stage. */
export interface Stage {
  readonly name: string;
  readonly title: string;
  /** Share of the time, as seconds of nine minutes. */
  readonly weight: number;
  /** Seconds that it gets if that is no more than half of what is left. */
  readonly minimum?: number;
  /** Processes that it runs in: tests have one for each file, other stages one for all. */
  readonly kind: "process" | "tests";
  /** Tests that it runs, and the device that they take: the kernels' and the GPU's by default. */
  readonly tests?: "kernels" | "golden";
  readonly device?: "permuted";
  /** True for a stage that the WASM device can do as well. */
  readonly withoutGpu?: boolean;
}

/** The stages, the most valuable first: a run may be cut off at any time. */
export const STAGES = [
  { name: "facts", title: "adapter", weight: 20, minimum: 40, kind: "process", withoutGpu: true },
  { name: "self-test", title: "self-test", weight: 45, kind: "process", withoutGpu: true },
  { name: "tuning", title: "autotuner", weight: 15, minimum: 40, kind: "process" },
  { name: "kernels", title: "kernel tests", weight: 80, kind: "tests" },
  { name: "decoding", title: "decoding", weight: 75, kind: "process" },
  { name: "products", title: "matrix products", weight: 70, kind: "process" },
  { name: "ppo bf16", title: "PPO step, bf16", weight: 55, kind: "process" },
  { name: "readback", title: "readback", weight: 8, kind: "process" },
  { name: "profile", title: "profile of decoding", weight: 30, kind: "process" },
  { name: "golden", title: "golden cases", weight: 50, kind: "tests", tests: "golden" },
  { name: "permuted", title: "permuted threads", weight: 35, kind: "tests", device: "permuted" },
  { name: "verify", title: "verify", weight: 25, kind: "process", withoutGpu: true },
  { name: "ppo f32", title: "PPO step, f32", weight: 35, kind: "process" },
] as const satisfies readonly Stage[];

/** Name of a stage. */
export type StageName = (typeof STAGES)[number]["name"];

/**
 * Seconds of a stage: its share of what is left, so that time which a stage does not need is the next
 * ones', and each gets some.
 *
 * @param ahead weights of the stages that are to come, its own first
 * @param minimum seconds that it gets in any case, up to half of what is left
 */
export function stageSeconds(
  ahead: readonly number[],
  secondsLeft: number,
  minimum: number = 0,
): number {
  const total = ahead.reduce((sum, weight) => sum + weight, 0);
  return Math.max(0, secondsLeft * ahead[0] / total, Math.min(minimum, secondsLeft / 2));
}

/** Sizes of the measurements. */
export interface Mission {
  readonly shape: "tiny" | "small" | "base";
  readonly prompt: number;
  readonly new: number;
  readonly batch: number;
  readonly mini: number;
}

/**
 * The mission's sizes, at flan-t5-base's. `tiny` is for software adapters, on which only the kit
 * itself is tested.
 */
export const MISSIONS: Readonly<Record<Mission["shape"], Mission>> = {
  base: { shape: "base", prompt: 200, new: 300, batch: 16, mini: 4 },
  small: { shape: "small", prompt: 200, new: 300, batch: 16, mini: 4 },
  tiny: { shape: "tiny", prompt: 24, new: 9, batch: 4, mini: 4 },
};

/** Begins a line of a stage's process that is a {@linkcode StageMessage}. */
export const STAGE_MARK = "\x1e";

/** Message of a stage's process: its result so far, or how it ended. */
export type StageMessage =
  | { readonly result: unknown }
  | { readonly end: "done" | "cut short" | "failed"; readonly note?: string };
