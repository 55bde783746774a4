import { cacheDirectory } from "../platform/cache_directory.ts";
import { type AdapterFacts, adapterFacts, findAdapter } from "../device/webgpu/adapter.ts";
import { findDawnAdapter, subgroupMatrices } from "../device/webgpu/dawn.ts";
import { hasImmediateReads, type ImmediateReads } from "../device/webgpu/immediate_reads.ts";
import { hubCacheDirectory } from "../hub/settings.ts";

/** Hardware and software that Temper runs on. */
export interface Machine {
  /** Versions and the platform: what a report of a bug should begin with. */
  readonly deno: string;
  readonly v8: string;
  readonly platform: string;
  /** Logical cores. */
  readonly cores: number;
  readonly wasm: {
    /** True where threads can share memory; without it the WASM device has one thread. */
    readonly sharedMemory: boolean;
    /** True where the main thread may wait for the others. */
    readonly canWait: boolean;
  };
  /** The adapter of the WebGPU device; null where there is none. */
  readonly adapter: AdapterFacts | null;
  /** Result of reading from it without waiting; null where there is none. */
  readonly reads: ImmediateReads | null;
  /** Dawn's adapter; null where it was not asked for. */
  readonly dawn: DawnFacts | null;
  /** Folders of what is kept between runs. */
  readonly caches: { readonly hub: string; readonly temper: string };
}

/** Description, features and limits of Dawn's adapter. */
export interface DawnFacts extends AdapterFacts {
  /** Products that a subgroup computes at once, in words; empty where there are none. */
  readonly subgroupMatrices: readonly string[];
}

/**
 * Looks at the machine; opens nothing but the adapter.
 *
 * @param options `testReads`: tests reading from the adapter, too: in a process of its own, the first
 *   time; `dawn`: loads Dawn and looks at its adapter
 * @throws {UserError} when Dawn does not load, or finds no adapter
 */
export async function inspectMachine(
  { testReads = true, dawn = false }: { testReads?: boolean; dawn?: boolean } = {},
): Promise<Machine> {
  const found = await findAdapter();
  const adapter = found && await adapterFacts(found);
  return {
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    platform: Deno.build.target,
    cores: navigator.hardwareConcurrency,
    wasm: { sharedMemory: canShareMemory(), canWait: canWait() },
    adapter,
    reads: testReads && adapter
      ? await hasImmediateReads(adapter.description, { retry: true })
      : null,
    dawn: dawn ? await dawnFacts() : null,
    caches: { hub: hubCacheDirectory(), temper: cacheDirectory() },
  };
}

async function dawnFacts(): Promise<DawnFacts> {
  const facts = await adapterFacts(await findDawnAdapter(), "Dawn");
  return { ...facts, subgroupMatrices: await subgroupMatrices() };
}

function canShareMemory(): boolean {
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return memory.buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}

function canWait(): boolean {
  try {
    return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0) === "timed-out";
  } catch {
    return false;
  }
}
