import { equalDraws, equalVariants } from "../doctor/bit_equality.ts";
import type { Device } from "../device/device.ts";
import { openDevice } from "../device/open.ts";
import { attempt, type Check, type DeviceName } from "../doctor/check.ts";
import { drawnTokens, PROMISES } from "./checks.ts";
import { loadSubject } from "./subject.ts";

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
  report: (result: Check) => void = () => {},
): Promise<Check[]> {
  const results: Check[] = [];
  let first: { name: DeviceName; tokens: number[][] } | null = null;
  for (const name of devices) {
    const device: Device = await openDevice({ device: name });
    try {
      const subject = await loadSubject(device, folder, dtype);
      const check = async (what: string, body: () => string | Promise<string>) => {
        results.push(await attempt(name, what, body));
        report(results.at(-1)!);
      };
      if (device.kind === "webgpu") {
        const gpu = device;
        await check("equal variants of a product", () => equalVariants(gpu));
        await check("equal variants of a draw", () => equalDraws(gpu));
      }
      for (const { name, run } of PROMISES) await check(name, () => run(subject));
      const tokens = await drawnTokens(subject);
      if (first) {
        const other = first;
        await check("same tokens on both devices", () => sameTokens(tokens, other));
      }
      first ??= { name, tokens };
    } finally {
      device.close();
    }
  }
  return results;
}

function sameTokens(
  tokens: readonly number[][],
  other: { name: DeviceName; tokens: readonly number[][] },
): string {
  const row = tokens.findIndex((drawn, i) => drawn.join() !== other.tokens[i].join());
  if (row >= 0) throw new Error(`response ${row} is another one than on ${other.name}`);
  return `${tokens.flat().length} tokens, as on ${other.name}`;
}
