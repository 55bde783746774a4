import { DeviceLostError, OutOfMemoryError } from "../../errors.ts";

/**
 * Error for a command that the GPU refused.
 *
 * @param reserved bytes of GPU memory that are reserved
 */
export function refusedError(error: GPUError, reserved: number): Error {
  // Not instanceof: other implementations than Deno's have classes of their own.
  if (error.constructor.name === "GPUOutOfMemoryError") {
    const mib = Math.round(reserved / 2 ** 20);
    return new OutOfMemoryError(
      `out of memory on the GPU: a command needs more beside the ${mib} MiB in use`,
      { needed: reserved, available: null },
    );
  }
  return new Error(`the GPU refused a command: ${error.message}`);
}

/** Error for a GPU that was lost, with the driver's reason. */
export function lostError({ message }: GPUDeviceLostInfo): DeviceLostError {
  const reason = message ? ` (${message})` : "";
  return new DeviceLostError(
    `the GPU was lost${reason}: start again, and if it is lost again use a smaller batch or ` +
      "`device` wasm",
  );
}
