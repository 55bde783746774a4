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

/**
 * Libraries of NVIDIA's driver that are Vulkan drivers. The first needs libraries of X, which containers
 * lack; the second has no windows, and needs none.
 */
const NVIDIA_LIBRARIES = ["libGLX_nvidia.so.0", "libEGL_nvidia.so.0"];
/** Folders where containers have them. */
const NVIDIA_FOLDERS = ["/usr/local/nvidia/lib64", "/usr/local/nvidia/lib"];

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

/** Paths of NVIDIA's libraries: containers may have them without a file that names them. */
export function nvidiaLibraries(): string[] {
  const folders = [...libraryFolders(), ...NVIDIA_FOLDERS];
  return NVIDIA_LIBRARIES.flatMap((name) => {
    const path = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
    return path === undefined ? [] : [path];
  });
}

/** Folders where libraries are looked for, the user's own first. */
function libraryFolders(): string[] {
  const own = Deno.env.get("LD_LIBRARY_PATH")?.split(":") ?? [];
  return [...own.filter(Boolean), ...LIBRARIES];
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
  const cached = (await output("/sbin/ldconfig", "-p"))?.match(/libvulkan\.so\.1 .*=> (\S+)/)?.[1];
  const paths = libraryFolders().map((folder) => join(folder, LOADER));
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
