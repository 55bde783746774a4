/** Runs the stages one after the other, and keeps the report current. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { statedPeak } from "./cards.ts";
import { type Facts, nvidiaLibraries, otherDrivers } from "./facts.ts";
import { FORMAT, type GpuReport, type StageReport, type Stages } from "./report.ts";
import {
  type Mission,
  type Stage,
  STAGE_MARK,
  type StageMessage,
  type StageName,
  STAGES,
  stageSeconds,
} from "./stages.ts";
import { type ProcessEnd, runLimited } from "./subprocess.ts";
import { TapReader, type TestFile } from "./test_files.ts";

/** Program that is run: the checkout, or the kit that was made of one. */
export interface Kit {
  /** Its version and commit. */
  readonly temper: string;
  /** Folder of the modules. */
  readonly folder: string;
  /** Flags of Deno for them. */
  readonly flags: readonly string[];
  /** Module of a stage's process, and the tests of the stages that are tests, by path in the folder. */
  readonly stage: string;
  readonly tests: Readonly<Record<"kernels" | "golden", readonly string[]>>;
}

/** Options of a run. */
export interface RunOptions {
  readonly minutes: number;
  /** Stated f32 peak of the card; null to look it up. */
  readonly peakTflops: number | null;
  /** Sizes of the measurements; null for the mission's, or tiny on a software adapter. */
  readonly shape: Mission["shape"] | null;
  /** Stages to run; the others are skipped. The adapter is always looked at. */
  readonly only: readonly StageName[];
  /** Ends the run early. */
  readonly signal: AbortSignal;
  /** Called whenever there is more to tell. */
  onChange(report: GpuReport): void;
  /** Called when a stage has ended. */
  onStage(report: GpuReport, name: StageName): void;
}

/** Seconds that are kept for the end of the run. */
const RESERVE = 2;
/** Share of a stage's time after which it begins nothing further. */
const SOFT_LIMIT = 0.8;
/** Seconds of a further look for an adapter, where the first one has taken all the time there was. */
const LAST_LOOK = 5;
/** Maximum number of test files that run at once on a GPU. */
const PARALLEL = 4;

type Mutable = { -readonly [Name in StageName]: StageReport<unknown> };

/** Runs the stages of a kit. */
export async function runStages(kit: Kit, options: RunOptions): Promise<GpuReport> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const waiting = { state: "waiting", seconds: 0, limit: 0, note: null, result: null } as const;
  const stages = Object.fromEntries(STAGES.map(({ name }) => [name, waiting])) as Mutable;
  const cache = await Deno.makeTempDir({ prefix: "temper-gpu-check-" });
  let environment: Record<string, string> = {};
  let [ended, peak]: [boolean, GpuReport["peak"]] = [false, null];
  const report = (): GpuReport => ({
    ...{ format: FORMAT, temper: kit.temper },
    ...{ started: new Date(Date.now() - seconds() * 1000).toISOString(), minutes: options.minutes },
    ...{ seconds: seconds(), ended, environment, peak, stages: stages as Stages },
  });
  const update = (name: StageName, changes: Partial<StageReport<unknown>>) => {
    stages[name] = { ...stages[name], ...changes };
    options.onChange(report());
  };
  const call: Call = { kit, options, cache };
  try {
    for (const [at, stage] of STAGES.entries()) {
      const { name } = stage;
      const adapter = (stages.facts.result as Facts | null)?.machine.adapter ?? null;
      const skip = name === "facts" ? null : reasonToSkip(stage, options, adapter);
      if (skip !== null) {
        update(name, { state: "skipped", note: skip });
        continue;
      }
      if (options.signal.aborted) break;
      const ahead = STAGES.slice(at).filter(({ name }) => isWanted(options, name));
      const weights = [stage, ...ahead.filter((other) => other !== stage)].map((s) => s.weight);
      const left = options.minutes * 60 - RESERVE - seconds();
      const limit = stageSeconds(weights, left, "minimum" in stage ? stage.minimum : 0);
      const begun = seconds();
      const task: StageCall = {
        ...call,
        ...{ stage, limit, environment, software: adapter?.software ?? true },
        onResult: (result) => update(name, { result, seconds: seconds() - begun }),
      };
      update(name, { state: "running", limit });
      const { found = environment, ...outcome } = await runStage(task);
      environment = found;
      if (name === "facts") peak = peakOf(options, stages.facts.result as Facts | null);
      update(name, { ...outcome, seconds: seconds() - begun });
      options.onStage(report(), name);
    }
    ended = !options.signal.aborted;
    options.onChange(report());
    return report();
  } finally {
    await Deno.remove(cache, { recursive: true }).catch(() => {});
  }
}

function reasonToSkip(
  stage: (typeof STAGES)[number],
  options: RunOptions,
  adapter: Facts["machine"]["adapter"],
): string | null {
  if (!isWanted(options, stage.name)) return "not asked for";
  if (!adapter) return "withoutGpu" in stage ? null : "there is no adapter";
  return stage.name === "profile" && !adapter.features.includes("timestamp-query")
    ? "the adapter has no timestamps"
    : null;
}

function isWanted({ only }: RunOptions, name: StageName): boolean {
  return only.length === 0 || only.includes(name);
}

interface Call {
  readonly kit: Kit;
  readonly options: RunOptions;
  /** Folder for the caches of this run: nothing is known from an earlier one. */
  readonly cache: string;
}

interface StageCall extends Call {
  readonly stage: Stage & { readonly name: StageName };
  readonly limit: number;
  readonly environment: Readonly<Record<string, string>>;
  /** True where the adapter only imitates a GPU. */
  readonly software: boolean;
  onResult(result: unknown): void;
}

type Outcome = Pick<StageReport<unknown>, "state" | "note"> & { found?: Record<string, string> };

async function runStage(call: StageCall): Promise<Outcome> {
  if (call.stage.name === "facts") return await findFacts(call);
  return call.stage.kind === "tests" ? await runTests(call) : await runProcess(call);
}

/** Looks for an adapter that is a GPU, also with variables that servers and containers may need. */
async function findFacts(call: StageCall): Promise<Outcome & { found: Record<string, string> }> {
  const tries: { environment: Record<string, string>; facts: Facts | null; outcome: Outcome }[] =
    [];
  const until = performance.now() + call.limit * 1000;
  const limit = () => Math.max(LAST_LOOK, (until - performance.now()) / 1000);
  const attempt = async (environment: Record<string, string>) => {
    let facts: Facts | null = null;
    const onResult = (result: unknown) => facts = result as Facts;
    const outcome = await runProcess({ ...call, limit: limit(), environment, onResult });
    tries.push({ environment, facts, outcome });
    return facts as Facts | null;
  };
  const isGpu = (facts: Facts | null) => facts?.machine.adapter?.software === false;
  if (!isGpu(await attempt({}))) {
    for (const environment of await otherEnvironments(call, tries[0].facts)) {
      if (isGpu(await attempt(environment))) break;
    }
  }
  const best = tries.find(({ facts }) => isGpu(facts)) ??
    tries.find(({ facts }) => facts?.machine.adapter) ?? tries[0];
  call.onResult(best.facts);
  if (!best.facts || best.facts.machine.adapter) {
    return { ...best.outcome, found: best.environment };
  }
  const debug = { ...best.environment, VK_LOADER_DEBUG: "error,warn" };
  const last = { ...call, limit: limit(), environment: debug };
  const { complaint } = await stageProcess(last, () => {});
  return { state: "done", note: complaint || null, found: best.environment };
}

/** Variables to try where no GPU was found. */
async function otherEnvironments(
  { kit, cache }: Call,
  facts: Facts | null,
): Promise<Record<string, string>[]> {
  const libraries = Deno.env.get("LD_LIBRARY_PATH")?.split(":").filter(Boolean) ?? [];
  const environment = (folders: readonly string[], driver?: string): Record<string, string> => ({
    LD_LIBRARY_PATH: [...folders, ...libraries].join(":"),
    ...(driver === undefined ? {} : { VK_DRIVER_FILES: driver }),
  });
  const carried = join(kit.folder, CARRIED_LOADER);
  const loader = facts?.loader === null && existsSync(carried) ? [carried] : [];
  const tries = loader.length > 0 ? [environment(loader)] : [];
  if (Deno.env.has("VK_DRIVER_FILES")) return tries;
  for (const driver of otherDrivers()) {
    const root = driver.replace(/\/share\/vulkan\/.*/, "");
    const own = ["lib64", "lib"].map((name) => join(root, name)).filter((path) => existsSync(path));
    tries.push(environment([...loader, ...own], driver));
  }
  for (const library of nvidiaLibraries()) {
    const driver = join(cache, `${basename(library)}.json`);
    const ICD = { library_path: library, api_version: "1.3.0" };
    await Deno.writeTextFile(driver, JSON.stringify({ file_format_version: "1.0.0", ICD }));
    tries.push(environment([...loader, dirname(library)], driver));
  }
  return tries;
}

/** Folder of the Vulkan loader that a kit brings for machines without one. */
export const CARRIED_LOADER = "vulkan";

function peakOf({ peakTflops }: RunOptions, facts: Facts | null): GpuReport["peak"] {
  if (peakTflops !== null) return { tflops: peakTflops, source: "user" };
  const adapter = facts?.machine.adapter;
  if (!adapter || adapter.software) return null;
  const tflops = statedPeak([adapter.description, facts.info?.device, facts.nvidia].join(" "));
  return tflops === null ? null : { tflops, source: "table" };
}

/** Runs a stage that is no test. */
async function runProcess(call: StageCall): Promise<Outcome> {
  let message: { end: "done" | "cut short" | "failed"; note?: string } | null = null;
  const { code, signal, complaint } = await stageProcess(call, (sent) => {
    if ("result" in sent) call.onResult(sent.result);
    else message = sent;
  });
  if (message) {
    const { end, note = null } = message as { end: Outcome["state"]; note?: string };
    return { state: end, note };
  }
  if (code === null) return { state: "cut short", note: null };
  const how = signal ?? `code ${code}`;
  return { state: "failed", note: `the process ended with ${how}: ${complaint}` };
}

async function stageProcess(
  { kit, stage, limit, ...call }: StageCall,
  onMessage: (message: StageMessage) => void,
): Promise<ProcessEnd> {
  const shape = call.options.shape ?? (call.software ? "tiny" : "base");
  return await runLimited({
    args: ["run", ...kit.flags, kit.stage, stage.name, String(limit * SOFT_LIMIT), shape],
    env: { XDG_CACHE_HOME: call.cache, ...call.environment },
    ...{ cwd: kit.folder, limit, signal: call.options.signal },
    onLine: (line) => {
      if (line.startsWith(STAGE_MARK)) onMessage(JSON.parse(line.slice(STAGE_MARK.length)));
    },
  });
}

/** Runs tests, a process for each file. */
async function runTests({ kit, options, stage, ...call }: StageCall): Promise<Outcome> {
  const files = kit.tests[stage.tests ?? "kernels"];
  const results: TestFile[] = [];
  const until = performance.now() + call.limit * 1000;
  let next = 0;
  const work = async () => {
    while (next < files.length && !options.signal.aborted && performance.now() < until) {
      const [file, started] = [files[next++], performance.now()];
      const tap = new TapReader();
      const end = await runLimited({
        args: ["test", ...kit.flags, "--reporter=tap", file],
        env: {
          ...{ XDG_CACHE_HOME: call.cache, ...call.environment },
          ...{ TEMPER_DEVICE: stage.device ?? "webgpu", CI: "true" },
        },
        ...{ cwd: kit.folder, limit: (until - started) / 1000, signal: options.signal },
        onLine: tap.line,
      });
      results.push(tap.result(file, end, (performance.now() - started) / 1000));
      call.onResult(results.toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file)));
    }
  };
  const workers = call.software ? 1 : Math.min(PARALLEL, navigator.hardwareConcurrency >> 1) || 1;
  await Promise.all(Array.from({ length: workers }, work));
  const bad = results.filter(({ failed, crash }) => failed.length > 0 || crash !== null).length;
  if (bad > 0) return { state: "failed", note: `${bad} of ${results.length} files have failures` };
  const whole = results.length === files.length && results.every(({ cutShort }) => !cutShort);
  return { state: whole ? "done" : "cut short", note: null };
}
