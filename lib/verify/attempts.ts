/** Name of a device. */
export type DeviceName = "wasm" | "webgpu";

/** Result of a check. */
export interface Verified {
  /** Device that it ran on. */
  readonly device: DeviceName;
  /** Promise or fact that was put to the test. */
  readonly name: string;
  readonly passed: boolean;
  /** Facts that were compared, or the first difference. */
  readonly detail: string;
  readonly seconds: number;
}

/**
 * Runs a check on a device.
 *
 * @param body returns the facts that were compared, and throws an error that says what differs
 */
export async function attempt(
  device: DeviceName,
  name: string,
  body: () => Promise<string>,
): Promise<Verified> {
  const started = performance.now();
  const outcome = await body().then(
    (detail) => ({ passed: true, detail }),
    (error: Error) => ({ passed: false, detail: error.message }),
  );
  return { device, name, ...outcome, seconds: (performance.now() - started) / 1000 };
}
