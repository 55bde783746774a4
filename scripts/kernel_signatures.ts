import type { Signature } from "../lib/device/device.ts";

/** The signatures of each room of kernels, by the room's name, in order. */
export async function kernelSignatures(): Promise<Map<string, Signature[]>> {
  const kernels = new URL("../kernels/", import.meta.url);
  const rooms = [...Deno.readDirSync(kernels)].filter(({ isDirectory }) => isDirectory);
  const signatures = new Map<string, Signature[]>();
  for (const room of rooms.map(({ name }) => name).sort()) {
    const exported: object = await import(new URL(`${room}/signatures.ts`, kernels).href);
    signatures.set(room, Object.values(exported).filter(isSignature));
  }
  return signatures;
}

function isSignature(value: unknown): value is Signature {
  return typeof value === "object" && value !== null && "spans" in value;
}
