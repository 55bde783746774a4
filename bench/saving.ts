/**
 * Cost of keeping a record: the logging and the checkpoints of a run at the demo's defaults, as a
 * share of its steps. `deno run -A bench/saving.ts`
 */
import { join } from "node:path";
import { resolveTrainConfig } from "../lib/runs/settings/config.ts";
import { train } from "../lib/runs/loop/train.ts";

/** Calls whose time counts: all that a run does to its folder while it trains. */
const CALLS = ["open", "openSync", "mkdir", "rename", "remove", "readDir", "truncate"] as const;
const FILE_CALLS = ["write", "writeSync", "sync", "syncDataSync"] as const;
const STEPS = 20;

const folder = await Deno.makeTempDir();
let spent = 0;
let depth = 0;
// Nested calls and those that run at the same time count once.
let since = 0;
const enter = () => void (depth++ === 0 && (since = performance.now()));
const leave = () => void (--depth === 0 && (spent += performance.now() - since));
// deno-lint-ignore no-explicit-any
function measure(target: any, name: string): void {
  const original = target[name];
  target[name] = function (...args: unknown[]) {
    enter();
    const result = original.apply(this, args);
    if (result instanceof Promise) return result.finally(leave);
    leave();
    return result;
  };
}
for (const name of CALLS) measure(Deno, name);
for (const name of FILE_CALLS) measure(Deno.FsFile.prototype, name);

let started = 0;
let [total, files] = [0, 0];
const { config, hooks } = {
  config: resolveTrainConfig({ steps: STEPS + 1, evalSamples: 4, output: join(folder, "run") }),
  hooks: {
    stepped(step: number) {
      // The first step warms up; from its end on.
      if (step === 1) [started, spent] = [performance.now(), 0];
      if (step === STEPS + 1) [total, files] = [performance.now() - started, spent];
    },
  },
};
await train(config, hooks);
await Deno.remove(folder, { recursive: true });
console.log(
  `${STEPS} steps of ${(total / STEPS).toFixed(0)} ms, with a checkpoint every ` +
    `${config.saveEvery}: ${(files / STEPS).toFixed(2)} ms a step on files, ` +
    `${(files / total * 100).toFixed(2)} %`,
);
