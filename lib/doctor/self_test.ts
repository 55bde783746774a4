import type { Device } from "../device/device.ts";
import { openDevice } from "../device/open.ts";
import { generate, type Generated } from "../generation/generate.ts";
import { createPolicy, type Policy } from "../models/policy.ts";
import { loadLanguageModel } from "../models/registry.ts";
import { PPOTrainer } from "../rl/ppo_trainer.ts";
import { DEMO_MODEL, resolveAsset } from "../runs/settings/demo.ts";
import { predict } from "../training/token_pass.ts";
import { responseRow } from "../training/token_rows.ts";
import { equalDraws, equalPredictions, equalVariants } from "./bit_equality.ts";
import { attempt, type Check, type DeviceName } from "./check.ts";
import { compileKernels, type CompileReport } from "./compile_report.ts";
import { KERNEL_CHECKS } from "./kernel_checks.ts";

/** Tokens of two prompts in the demo's vocabulary: any will do, both devices read the same. */
const QUERIES = [
  Array.from({ length: 60 }, (_, i) => 3 + i * 37 % 600).concat(1),
  Array.from({ length: 23 }, (_, i) => 5 + i * 53 % 600).concat(1),
];
const NEW_TOKENS = 16;
/** Maximum difference of two devices' statistics, relative to their size or to 1. */
const STATISTICS_TOLERANCE = 1e-3;

/** Results of one device on the demo's model, which every device should share. */
interface DemoRun {
  tokens: number[][];
  statistics: Record<string, number>;
}

/**
 * Tries each device: some kernels against f64, a GPU's variants of the product and of the draw against
 * each other, generating with the demo's model, a training pass that has to give the same bits, and a PPO
 * step. The same seed has to give the same tokens, and the same loss, on each device. Before that, a
 * GPU's kernels are compiled in another process, where that is allowed: a driver may crash on one.
 *
 * @param report called with each check as soon as it is done
 * @param compile compiles a GPU's kernels
 */
export async function selfTest(
  devices: readonly DeviceName[],
  report: (check: Check) => void = () => {},
  compile: typeof compileKernels = compileKernels,
): Promise<Check[]> {
  const checks: Check[] = [];
  const runs = new Map<string, DemoRun>();
  for (const name of devices) {
    let device: Device | null = null;
    const check = async (what: string, body: () => string | Promise<string>, started?: number) => {
      checks.push(await attempt(name, what, body, started));
      report(checks.at(-1)!);
    };
    const started = performance.now();
    const compiled = name === "wasm" ? null : await compile(name);
    if (compiled) await check("compile", () => describeCompilation(compiled), started);
    // What ended that process would end this one.
    if (compiled?.failure) continue;
    try {
      await check("open", async () => {
        device = await openDevice({ device: name });
        return device.description;
      });
      if (!device) continue;
      for (const { name: kernel, run } of KERNEL_CHECKS) {
        await check(kernel, () => run(device!));
      }
      const gpu = device as Device;
      if (gpu.kind === "webgpu") {
        await check("product variants", () => equalVariants(gpu));
        await check("draws", () => equalDraws(gpu));
      }
      const first = [...runs][0];
      const current: DemoRun = { tokens: [], statistics: {} };
      let policy: Policy | null = null;
      let sampled: Generated[] = [];
      await check("generate", async () => {
        policy = await demoPolicy(device!);
        sampled = await sample(policy);
        current.tokens = sampled.map(({ tokens }) => tokens);
        return first ? sameTokens(current, first) : `${current.tokens.flat().length} tokens`;
      });
      if (!policy) continue;
      await check("decoding = pass", () => equalPass(policy!, sampled));
      await check("PPO step", async () => {
        current.statistics = await trainingStep(policy!, current.tokens);
        return first ? sameStatistics(current, first) : describeLoss(current);
      });
      runs.set(name, current);
    } finally {
      (device as Device | null)?.close();
    }
  }
  return checks;
}

function describeCompilation(
  { kernels, seconds, slowest, halfFloats, failure }: CompileReport,
): string {
  if (failure) throw new Error(failure);
  const longest = slowest ? `, ${slowest.kernel} ${slowest.seconds.toFixed(2)} s` : "";
  return `${kernels} kernels in ${seconds.toFixed(1)} s${longest}; f16 ${halfFloats}, not used`;
}

async function demoPolicy(device: Device): Promise<Policy> {
  const model = await loadLanguageModel(device, await resolveAsset(DEMO_MODEL));
  return createPolicy(
    model,
    { r: 4, loraAlpha: 8, loraDropout: 0, targetModules: ["q", "v"] },
    1,
  );
}

async function sample({ model, adapter, valueHead }: Policy): Promise<Generated[]> {
  const config = { maxNewTokens: NEW_TOKENS, minLength: 4, doSample: true, seed: 1 };
  return await generate(model, QUERIES, config, { adapter, valueHead, logprobs: true });
}

/** Compares log-probabilities and values of generation with those of a training pass. */
async function equalPass(policy: Policy, sampled: readonly Generated[]): Promise<string> {
  const rows = sampled.map(({ tokens }, i) => responseRow(policy.model, QUERIES[i], tokens));
  const tokens = equalPredictions(sampled, await predict(policy, rows), "a training pass");
  return `log-probabilities and values of ${tokens} tokens, bit for bit`;
}

async function trainingStep(
  policy: Policy,
  responses: readonly number[][],
): Promise<Record<string, number>> {
  const trainer = new PPOTrainer(policy, {
    batchSize: 2,
    miniBatchSize: 2,
    ppoEpochs: 2,
    learningRate: 1e-3,
  });
  const statistics = await trainer.step(QUERIES, responses, [1, -1]);
  const numbers = Object.entries(statistics)
    .filter(([name, value]) => name.startsWith("ppo/") && typeof value === "number");
  for (const [name, value] of numbers) {
    if (!Number.isFinite(value)) throw new Error(`${name} is ${value}`);
  }
  return Object.fromEntries(numbers);
}

function describeLoss({ statistics }: DemoRun): string {
  return `loss ${statistics["ppo/loss/total"].toPrecision(5)}`;
}

function sameTokens(current: DemoRun, [other, { tokens }]: [string, DemoRun]): string {
  if (JSON.stringify(current.tokens) !== JSON.stringify(tokens)) {
    throw new Error(`other tokens than on ${other}, from the same seed`);
  }
  return `the same ${tokens.flat().length} tokens as on ${other}`;
}

function sameStatistics(current: DemoRun, [other, { statistics }]: [string, DemoRun]): string {
  for (const [name, value] of Object.entries(current.statistics)) {
    const expected = statistics[name];
    if (!(Math.abs(value - expected) <= STATISTICS_TOLERANCE * Math.max(1, Math.abs(expected)))) {
      throw new Error(`${name} is ${value}, on ${other} ${expected}`);
    }
  }
  return `${describeLoss(current)}, as on ${other}`;
}
