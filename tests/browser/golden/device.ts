/** Tests of a page, which its worker runs: takes the place of tests/device.ts. */
import type { Device } from "../../../lib/device/device.ts";

/** Bodies of the tests by their names. */
export const deviceTests = new Map<string, (device: Device) => Promise<void>>();

/** Registers a test. */
export function deviceTest(name: string, body: (device: Device) => Promise<void>): void {
  deviceTests.set(name, body);
}
