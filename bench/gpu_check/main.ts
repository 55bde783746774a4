/**
 * Checks and measures a GPU within a time budget. The kit that `deno task gpu-check` makes starts
 * here; `deno task gpu-check --here` runs the same from the checkout.
 */
import { parseArgs } from "node:util";
import { assetUrl, readAsset } from "../../assets.ts";
import { UserError } from "../../lib/errors.ts";
import { fileURLToPath } from "../../lib/platform/paths.ts";
import { faultsOf, type GpuReport } from "./report.ts";
import { type Kit, runStages } from "./run.ts";
import { type Mission, MISSIONS, type StageName, STAGES } from "./stages.ts";
import { describeStage, noAdapter } from "./summary.ts";

/** File of a kit that says what is in it. */
export const KIT_FILE = "kit.json";

const NAMES: readonly string[] = STAGES.map(({ name }) => name);

/** Usage, for `--help`. */
export const USAGE =
  `Checks and measures this machine's GPU, and writes the results after each stage.

  --minutes N       time budget, 9 unless given
  --peak-tflops N   the card's stated f32 peak, where Temper does not know the card
  --output FILE     results, gpu-check.json unless given
  --only STAGES     stages to run, with commas between them: ${NAMES.join(", ")}
  --shape SHAPE     sizes of the measurements: base (flan-t5-base's), small or tiny; software
                    adapters take tiny unless told otherwise`;

/** Runs the check with these arguments; returns the exit code. */
export async function checkGpu(kit: Kit, args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === null) {
    console.log(USAGE);
    return 0;
  }
  const { output, ...rest } = options;
  // Found out now rather than after nine minutes.
  await Deno.writeTextFile(output, "{}\n").catch((error) => {
    throw new UserError(`cannot write ${output}: ${error.message}`, { cause: error });
  });
  const abort = new AbortController();
  const end = () => abort.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, end);
  const write = (report: GpuReport) => {
    const partial = `${output}.partial`;
    Deno.writeTextFileSync(partial, JSON.stringify(report, null, 2) + "\n");
    Deno.renameSync(partial, output);
  };
  const report = await runStages(kit, {
    ...rest,
    signal: abort.signal,
    onChange: write,
    onStage: (report, name) => {
      console.log(describeStage(report, name));
      const problem = name === "facts" ? noAdapter(report) : null;
      if (problem !== null) console.log(problem);
    },
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, end);
  const faults = faultsOf(report);
  for (const fault of faults) console.log(`FAULT  ${fault}`);
  const time = `${report.seconds.toFixed(0)} s${report.ended ? "" : ", ended early"}`;
  console.log(
    `${faults.length === 0 ? "no faults" : `${faults.length} faults`}, ${time}: ${output}`,
  );
  return faults.length > 0 || !report.ended ? 1 : 0;
}

/** Reads the command line; null where help is asked for. */
export function readOptions(args: readonly string[]): {
  minutes: number;
  peakTflops: number | null;
  output: string;
  only: StageName[];
  shape: Mission["shape"] | null;
} | null {
  const { values } = parseArguments(args);
  if (values.help) return null;
  const number = (name: "minutes" | "peak-tflops") => {
    const text = values[name];
    if (text === undefined) return null;
    if (Number(text) > 0) return Number(text);
    throw new UserError(`--${name} is ${text}: it must be a number above 0`);
  };
  const only = values.only?.split(",").map((name) => name.trim()) ?? [];
  const unknown = only.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`there is no stage ${unknown}: the stages are ${NAMES.join(", ")}`);
  }
  const { shape = null } = values;
  if (shape !== null && !(shape in MISSIONS)) {
    throw new UserError(`--shape is ${shape}: it must be ${Object.keys(MISSIONS).join(", ")}`);
  }
  return {
    minutes: number("minutes") ?? 9,
    peakTflops: number("peak-tflops"),
    output: values.output ?? "gpu-check.json",
    only: only as StageName[],
    shape: shape as Mission["shape"] | null,
  };
}

function parseArguments(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ minutes: text, "peak-tflops": text, output: text, only: text, shape: text },
        help: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UserError((error as Error).message, { cause: error });
  }
}

/** Runs a check as a program: an error of the user's is one line. */
export async function checkGpuAndExit(kit: Kit, args: readonly string[]): Promise<never> {
  try {
    Deno.exit(await checkGpu(kit, args));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}

if (import.meta.main) {
  const kit = JSON.parse(new TextDecoder().decode(await readAsset(KIT_FILE)));
  await checkGpuAndExit({ ...kit, folder: fileURLToPath(assetUrl(".")) }, Deno.args);
}
