/**
 * Makes dist/temper-gpu-check-<version>-<target>: one file that checks and measures the GPU of a bare
 * Linux server, without a network and without Deno. bench/gpu_check has what it does there.
 *
 * deno task gpu-check [--level 0..9] [--output FILE]   makes the file; level 0 compresses quickly
 * deno task gpu-check --here [--minutes 9] …           checks this machine, from the checkout
 */
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkGpuAndExit, KIT_FILE } from "../bench/gpu_check/main.ts";
import { CARRIED_LOADER, type Kit } from "../bench/gpu_check/run.ts";
import { copy, FOUND, listFiles, ROOT, run, stageModules, version } from "./program.ts";

/** Most bytes of a kit: some servers are reached through something small. */
const MAX_BYTES = 60e6;
/** Entry point of the kit, and of each stage. */
const [MAIN, STAGE] = ["bench/gpu_check/main.ts", "bench/gpu_check/stage.ts"];
/** Modules that are started as threads or processes: the site and the Hub are not there. */
export const STARTED: readonly string[] = [
  ...FOUND.filter((path) => /^lib\/(data|device|doctor)\//.test(path)),
  "tests/kernels/proved_subgroups.ts",
];
/** Files that the stages and the tests read. */
const FILES = [
  "demo/tiny-flan-t5",
  "demo/tiny-roberta-toxicity",
  "lib/device/wasm/kernels.wasm",
  "tests/golden/cases",
  "tests/golden_causal/cases",
  "LICENSE",
];
/** Golden cases that say the most, first: the time may not be enough for all. */
const FIRST = ["forward", "generate", "gradients", "ppo"];

/** Files with tests that take a device, by stage. */
export async function deviceTestFiles(): Promise<Kit["tests"]> {
  const kernels = [
    ...await testsOf("tests/kernels"),
    "tests/device/webgpu_device_test.ts",
  ];
  const golden = [...await testsOf("tests/golden"), ...await testsOf("tests/golden_causal")];
  const rank = (file: string) => {
    const at = FIRST.findIndex((name) => file.endsWith(`/${name}_test.ts`));
    return at < 0 ? FIRST.length : at;
  };
  return { kernels, golden: golden.toSorted((a, b) => rank(a) - rank(b)) };
}

async function testsOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const [name] of await listFiles(join(ROOT, folder))) {
    if (!name.endsWith("_test.ts")) continue;
    const path = `${folder}/${name}`;
    const text = await Deno.readTextFile(join(ROOT, path));
    if (/\b(deviceTest|gpuTest|withDevice)\(/.test(text)) found.push(path);
  }
  return found;
}

/** Version and commit of the checkout, marked where it was changed since. */
async function describeCheckout(): Promise<string> {
  const describe = run(ROOT, "git", ["describe", "--always", "--dirty", "--abbrev=12"]);
  return `${await version()}, ${(await describe.catch(() => "unknown commit")).trim()}`;
}

/** The checkout itself. */
async function checkout(): Promise<Kit> {
  return {
    ...{ temper: await describeCheckout(), folder: ROOT },
    ...{ flags: ["--quiet", "-A", "--no-check"], stage: STAGE, tests: await deviceTestFiles() },
  };
}

/** Puts the program of the kit into an empty folder. */
export async function stageKit(folder: string): Promise<void> {
  const { tests, ...kit } = await checkout();
  await stageModules(folder, [MAIN, STAGE, ...tests.kernels, ...tests.golden], STARTED);
  for (const path of FILES) await copy(join(ROOT, path), join(folder, path));
  const bundled = (path: string) => path.replace(/\.ts$/, ".js");
  const carried = {
    temper: kit.temper,
    flags: ["--quiet", "-A", "--no-check", "--no-config", "--no-lock"],
    stage: bundled(STAGE),
    tests: { kernels: tests.kernels.map(bundled), golden: tests.golden.map(bundled) },
  };
  await Deno.writeTextFile(join(folder, KIT_FILE), JSON.stringify(carried, null, 2) + "\n");
  const loader = await vulkanLoader();
  if (loader !== null) await copy(loader, join(folder, CARRIED_LOADER, "libvulkan.so.1"));
}

/** This machine's Vulkan loader, for servers without one; null where it has none. */
async function vulkanLoader(): Promise<string | null> {
  const path = `/usr/lib/${Deno.build.arch}-linux-gnu/libvulkan.so.1`;
  return await Deno.realPath(path).catch(() => null);
}

/** Makes the kit. */
async function pack(output: string, level: string): Promise<void> {
  const stage = await Deno.makeTempDir({ prefix: "temper-gpu-check-" });
  try {
    await Deno.mkdir(join(stage, "app"));
    await stageKit(join(stage, "app"));
    await Deno.copyFile(Deno.execPath(), join(stage, "deno"));
    await Deno.chmod(join(stage, "deno"), 0o755);
    const files = (await listFiles(stage)).map(([path]) => path);
    for (const path of files) await Deno.utime(join(stage, path), 0, 0);
    const archive = join(stage, "payload.tar");
    await run(stage, "tar", ["--format=ustar", "-cf", archive, ...files]);
    await run(stage, "xz", [`-${level}`, "-T1", archive]);
    const payload = await Deno.readFile(`${archive}.xz`);
    const template = await Deno.readTextFile(new URL("./gpu_check.sh", import.meta.url));
    const values: Record<string, string> = {
      VERSION: await version(),
      MAIN: MAIN.replace(/\.ts$/, ".js"),
      LINES: String(template.split("\n").length),
    };
    const head = new TextEncoder().encode(
      template.replace(/@(\w+)@/g, (_, name) => values[name]),
    );
    await Deno.mkdir(dirname(output), { recursive: true });
    const file = new Uint8Array(head.length + payload.length);
    file.set(head);
    file.set(payload, head.length);
    await Deno.writeFile(output, file, { mode: 0o755 });
    console.log(`${output}: ${(file.length / 1e6).toFixed(1)} MB`);
    if (level === "9" && file.length > MAX_BYTES) {
      throw new Error(`the kit is larger than ${MAX_BYTES / 1e6} MB: carry fewer golden cases`);
    }
  } finally {
    await Deno.remove(stage, { recursive: true });
  }
}

/** Options of making the kit; prints the usage and ends where they are wrong. */
function packOptions() {
  try {
    const level = { type: "string", default: "9" } as const;
    return parseArgs({ options: { level, output: { type: "string" } } });
  } catch {
    const name = "deno task gpu-check";
    console.error(`usage: ${name} [--level 0..9] [--output FILE], or ${name} --here --help`);
    Deno.exit(1);
  }
}

if (import.meta.main) {
  if (Deno.args.includes("--here")) {
    // The stages get a cache folder of their own, where Deno would download everything again.
    const info = JSON.parse(await run(ROOT, Deno.execPath(), ["info", "--json"]));
    Deno.env.set("DENO_DIR", info.denoDir);
    await checkGpuAndExit(await checkout(), Deno.args.filter((arg) => arg !== "--here"));
  }
  const { values } = packOptions();
  const name = `dist/temper-gpu-check-${await version()}-${Deno.build.target}`;
  await pack(values.output ? resolve(values.output) : join(ROOT, name), values.level);
}
