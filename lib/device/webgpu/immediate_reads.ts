import { assetUrl } from "../../../assets.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { allowedCacheDirectory } from "../../platform/cache_directory.ts";
import { makeFolder, mayWrite, readTextFile } from "../../platform/files.ts";
import { Sha256 } from "../../platform/hash.ts";
import { join } from "../../platform/paths.ts";
import { denoVersion, runModule, type SubprocessResult } from "../../platform/subprocess.ts";

/** Result of reading from a GPU without awaiting it. */
export interface ImmediateReads {
  /** True where unawaited reads passed the test. */
  readonly works: boolean;
  /** Why they are awaited; empty where they work. */
  readonly reason: string;
}

const UNTESTED: ImmediateReads = {
  works: false,
  reason: "not tested: that takes permission to run Deno",
};

/**
 * Tells whether reads need not be awaited with an adapter: by {@linkcode ReadbackPool}'s self-test, in
 * a process of its own, once for an adapter and version of Deno. Where that has not been tested and
 * nothing may be started, they are awaited. Never asks for a permission.
 *
 * @param adapter the adapter's description
 * @param options `folder`: where results are kept, null for nowhere; `retry`: true to test again what
 *   failed before; `test`: runs the self-test
 */
export async function hasImmediateReads(
  adapter: string,
  { folder = allowedCacheDirectory(), retry = false, test = testImmediateReads }: {
    folder?: string | null;
    retry?: boolean;
    test?: () => Promise<ImmediateReads | null>;
  } = {},
): Promise<ImmediateReads> {
  const deno = denoVersion();
  const name = new Sha256().update(`${adapter}\n${deno}`).hex().slice(0, 16);
  const path = folder === null ? null : join(folder, `readback-${name}.json`);
  const known = path === null ? null : await readResult(path);
  if (known && (known.works || !retry)) return known;
  const result = await test();
  if (result === null) return known ?? UNTESTED;
  if (path === null || !mayWrite(folder!)) return result;
  try {
    await makeFolder(folder!);
    await writeFileAtomic(path, JSON.stringify({ adapter, deno, ...result }, null, 2) + "\n");
  } catch {
    // Without a writable cache it is tested again the next time.
  }
  return result;
}

/** Runs the self-test; null where that is not allowed, or where it does not come to reading. */
async function testImmediateReads(): Promise<ImmediateReads | null> {
  const result = await runModule(assetUrl("lib/device/webgpu/readback_self_test.ts"));
  return result && resultOfSelfTest(result);
}

/** Reads what the self-test has printed; null where it did not come to reading. */
export function resultOfSelfTest(
  { success, stdout, stderr }: SubprocessResult,
): ImmediateReads | null {
  const lines = stdout.trim().split("\n");
  if (lines[0] !== "reading") return null;
  if (success && lines.at(-1) === "ok") return { works: true, reason: "" };
  const [complaint] = /(?<=error: .*?Error: ).*|panicked at .*/.exec(stderr) ?? [];
  return { works: false, reason: complaint ?? "the self-test crashed" };
}

async function readResult(path: string): Promise<ImmediateReads | null> {
  try {
    const { works, reason } = JSON.parse(await readTextFile(path));
    return typeof works === "boolean" && typeof reason === "string" ? { works, reason } : null;
  } catch {
    return null;
  }
}
