import type { Device } from "../device/device.ts";
import { openDevice } from "../device/open.ts";
import { drawnTokens, PROMISES } from "./checks.ts";
import { loadSubject } from "./subject.ts";

/** Name of a device. */
export type DeviceName = "wasm" | "webgpu";

/** Result of a check. */
export interface Verified {
  /** Device that it ran on. */
  readonly device: DeviceName;
  /** Promise that was put to the test. */
  readonly name: string;
  readonly passed: boolean;
  /** Facts that were compared, or the first difference. */
  readonly detail: string;
  readonly seconds: number;
}

/**
 * Puts the project's promises about exactness to the test with a model, on each device.
 *
 * @param folder path of the model
 * @param report called with each result as soon as it is there
 * @throws {UserError} when the model does not load, or a device does not open
 */
export async function verify(
  folder: string,
  devices: readonly DeviceName[],
  dtype: "f32" | "bf16",
  report: (result: Verified) => void = () => {},
): Promise<Verified[]> {
  const results: Verified[] = [];
  let first: { name: DeviceName; tokens: number[][] } | null = null;
  for (const name of devices) {
    const device: Device = await openDevice({ device: name });
    try {
      const subject = await loadSubject(device, folder, dtype);
      const attempt = async (what: string, body: () => Promise<string>) => {
        const started = performance.now();
        const outcome = await body().then(
          (detail) => ({ passed: true, detail }),
          (error: Error) => ({ passed: false, detail: error.message }),
        );
        const seconds = (performance.now() - started) / 1000;
        results.push({ device: name, name: what, ...outcome, seconds });
        report(results.at(-1)!);
      };
      for (const { name, run } of PROMISES) await attempt(name, () => run(subject));
      const tokens = await drawnTokens(subject);
      if (first) {
        const other = first;
        await attempt("same tokens on both devices", () => sameTokens(tokens, other));
      }
      first ??= { name, tokens };
    } finally {
      device.close();
    }
  }
  return results;
}

// deno-lint-ignore require-await
async function sameTokens(
  tokens: readonly number[][],
  other: { name: DeviceName; tokens: readonly number[][] },
): Promise<string> {
  const row = tokens.findIndex((drawn, i) => drawn.join() !== other.tokens[i].join());
  if (row >= 0) throw new Error(`response ${row} is another one than on ${other.name}`);
  return `${tokens.flat().length} tokens, as on ${other.name}`;
}
