/**
 * Makes a room's args.wasm.ts, the arguments of its kernels in AssemblyScript; `deno task
 * build:kernels` writes it.
 */
import type { Signature } from "../lib/device/device.ts";

/**
 * The text of args.wasm.ts: a class for each kernel, whose fields lie in memory as the WASM device
 * writes the arguments, and the constants that the kernels share with their launchers.
 *
 * @throws {Error} when two signatures give one constant different values
 */
export function argsSource(signatures: readonly Signature[]): string {
  const constants = new Map<string, number>();
  for (const { name, only, constants: own } of signatures) {
    if (only === "webgpu") continue;
    for (const [constant, value] of Object.entries(own)) {
      if ((constants.get(constant) ?? value) !== value) {
        throw new Error(`${name} has another value of ${constant} than a kernel before it`);
      }
      constants.set(constant, value);
    }
  }
  return [
    "// Generated from signatures.ts by deno task build:kernels: change that.\n",
    ...[...constants].map(([name, value]) => `export const ${name}: i32 = ${value};\n`),
    ...signatures.filter(({ only }) => only !== "webgpu").map(argsClass),
  ].join("\n");
}

function argsClass({ name, spans, taskInts, floats }: Signature): string {
  return [
    `/** Arguments of ${name}. */`,
    "@unmanaged",
    `export class ${className(name)} {`,
    ...spans.map(({ name }) => `  ${name}: usize;`),
    ...taskInts.map((name) => `  ${name}: i32;`),
    ...floats.map((name) => `  ${name}: f32;`),
    "}\n",
  ].join("\n");
}

/** `rms_norm` as `RmsNormArgs`. */
function className(name: string): string {
  const words = name.split("_").map((word) => word[0].toUpperCase() + word.slice(1));
  return `${words.join("")}Args`;
}
