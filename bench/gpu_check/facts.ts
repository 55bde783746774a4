import { existsSync } from "node:fs";
import { join } from "node:path";
import { inspectMachine, type Machine } from "../../lib/doctor/machine.ts";
import { findAdapter } from "../../lib/device/webgpu/adapter.ts";
import type { StageTask } from "./stage_task.ts";

/** The machine, as far as it matters to a GPU. */
export interface Facts {
  readonly machine: Omit<Machine, "caches" | "dawn">;
  /** The adapter's own words; null where there is none. */
  readonly info: Readonly<Record<string, string>> | null;
  /** Release of the system's kernel. */
  readonly os: string;
  readonly cpu: string;
  /** Bytes of memory. */
  readonly memory: number;
  /** Path of the Vulkan loader; null where there is none. */
  readonly loader: string | null;
  /** Files that name Vulkan drivers. */
  readonly drivers: readonly string[];
  /** Name, driver, memory, clock and power limit as nvidia-smi prints them; null without it. */
  readonly nvidia: string | null;
}

/** Name of the Vulkan loader's library. */
const LOADER = "libvulkan.so.1";
/** Folders of libraries where distributions put the loader. */
const LIBRARIES = [
  "/usr/lib/x86_64-linux-gnu",
  "/lib/x86_64-linux-gnu",
  "/usr/lib64",
  "/lib64",
  "/usr/lib",
  "/usr/local/lib",
];
/** Folders of drivers' files: the loader reads the first, containers and NixOS have them elsewhere. */
const DRIVERS = ["/etc", "/usr/share", "/usr/local/share"];
const OTHER_DRIVERS = ["/usr/local/nvidia/share", "/run/opengl-driver/share", "/opt/nvidia/share"];

/** Looks at the machine. */
export async function facts({ report }: StageTask<Facts>): Promise<void> {
  const adapter = await findAdapter();
  // Folders say something about the user, and nothing about the GPU.
  const { caches: _caches, dawn: _dawn, ...machine } = await inspectMachine({ testReads: false });
  const found: Facts = {
    machine,
    info: adapter && {
      vendor: adapter.info.vendor,
      architecture: adapter.info.architecture,
      device: adapter.info.device,
      description: adapter.info.description,
    },
    os: Deno.osRelease(),
    cpu: cpuName(),
    memory: Deno.systemMemoryInfo().total,
    loader: await findLoader(),
    drivers: [...driverFiles(DRIVERS), ...driverFiles(OTHER_DRIVERS)],
    nvidia: await nvidia(),
  };
  report(found);
  // This may find out the hard way that the driver hangs.
  const { reads } = await inspectMachine();
  report({ ...found, machine: { ...machine, reads } });
}

/** Files of drivers where the loader does not look by itself. */
export function otherDrivers(): string[] {
  return driverFiles(OTHER_DRIVERS);
}

function driverFiles(folders: readonly string[]): string[] {
  return folders.map((folder) => join(folder, "vulkan/icd.d")).flatMap((folder) => {
    try {
      return Array.from(Deno.readDirSync(folder), ({ name }) => join(folder, name))
        .filter((name) => name.endsWith(".json")).sort();
    } catch {
      return [];
    }
  });
}

async function findLoader(): Promise<string | null> {
  const own = Deno.env.get("LD_LIBRARY_PATH")?.split(":") ?? [];
  const cached = (await output("/sbin/ldconfig", "-p"))?.match(/libvulkan\.so\.1 .*=> (\S+)/)?.[1];
  const paths = [...own.filter(Boolean), ...LIBRARIES].map((folder) => join(folder, LOADER));
  return paths.find((path) => existsSync(path)) ?? cached ?? null;
}

async function nvidia(): Promise<string | null> {
  const fields = "name,driver_version,memory.total,clocks.max.sm,power.limit";
  return await output("nvidia-smi", `--query-gpu=${fields}`, "--format=csv,noheader");
}

function cpuName(): string {
  try {
    return Deno.readTextFileSync("/proc/cpuinfo").match(/model name\s*: (.*)/)?.[1] ?? "";
  } catch {
    return "";
  }
}

/** Output of a program; null where it does not work. */
async function output(program: string, ...args: string[]): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch {
    return null;
  }
}
