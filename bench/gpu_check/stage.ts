/**
 * One stage in a process of its own, so that a driver that crashes or hangs takes no more with it.
 * Results so far go to standard output, a line each behind {@linkcode STAGE_MARK}.
 *
 * deno run -A bench/gpu_check/stage.ts NAME SECONDS SHAPE
 */
import { selfTestStage, verifyStage } from "./checks.ts";
import { decoding } from "./decoding.ts";
import { facts } from "./facts.ts";
import { ppo } from "./ppo.ts";
import { products } from "./products.ts";
import { profile } from "./profile.ts";
import { benchReadback } from "../readback.ts";
import type { StageResults } from "./report.ts";
import type { StageTask } from "./stage_task.ts";
import { MISSIONS, STAGE_MARK, type StageMessage } from "./stages.ts";
import { tuning } from "./tuning.ts";

/** Reads, and a batch of decoding, whose cost is measured. */
const READBACK = { reads: 50, rows: 16, steps: 64 };

/** Stages that are not tests. */
type Measurements = Omit<StageResults, "kernels" | "golden" | "permuted">;

const RUN: { [Name in keyof Measurements]: (task: StageTask<Measurements[Name]>) => unknown } = {
  "facts": facts,
  "self-test": selfTestStage,
  "tuning": tuning,
  "decoding": decoding,
  "products": products,
  "ppo bf16": (task) => ppo("bf16", task),
  "readback": async ({ report }) => report(await benchReadback(READBACK)),
  "profile": profile,
  "verify": verifyStage,
  "ppo f32": (task) => ppo("f32", task),
};

const [name, seconds, shape] = Deno.args;
const until = performance.now() + Number(seconds) * 1000;
const send = (message: StageMessage) => console.log(STAGE_MARK + JSON.stringify(message));
const secondsLeft = () => (until - performance.now()) / 1000;
let cutShort = false;
const task = {
  mission: MISSIONS[shape as keyof typeof MISSIONS],
  secondsLeft,
  hasTime: (seconds = 0) => {
    const hasTime = secondsLeft() > seconds;
    cutShort ||= !hasTime;
    return hasTime;
  },
  report: (result: unknown) => send({ result }),
};
try {
  await RUN[name as keyof Measurements](task as StageTask<never>);
  send({ end: cutShort ? "cut short" : "done" });
} catch (error) {
  send({ end: "failed", note: error instanceof Error ? error.message : String(error) });
}
// A device that is left open would keep the process.
Deno.exit(0);
