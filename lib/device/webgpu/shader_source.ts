import type { ElementType, ShaderSource, Signature } from "../device.ts";

/** Types of a binding's elements that a kernel sees otherwise than its signature says, as vectors of them. */
export type ElementTypes = Readonly<Record<string, ElementType>>;

/**
 * Puts a WGSL module together: the declarations of a signature, what several modules have in common,
 * and the module's own text.
 *
 * @param file the file of the module's own text, for messages
 * @param shared WGSL that comes before it
 */
export function shaderSource(
  signature: Signature,
  file: string,
  code: string,
  { shared = "", elements = {} }: { shared?: string; elements?: ElementTypes } = {},
): ShaderSource {
  const text = (writable: number) => shared + wgslDeclarations(signature, writable, elements);
  return {
    file,
    linesBefore: text(0).split("\n").length - 1,
    text: (writable) => text(writable) + code,
  };
}

/**
 * The WGSL declarations of a kernel's arguments. Each span is a storage binding of group 0 by its name,
 * or by that of a binding of several, and an offset `p.<name>` in words, since spans are bound from the
 * start of their block; integers and floats follow in `p`. Names are those of the signature, in snake
 * case.
 *
 * @param writable bit i: binding i is declared writable, because it shares a block with an output
 */
export function wgslDeclarations(
  { spans, bindings, gpuInts, floats, constants }: Signature,
  writable = 0,
  elements: ElementTypes = {},
): string {
  const lines = Object.entries(constants).map(([name, value]) => `const ${name} = ${value}u;`);
  lines.push("struct Params {");
  for (const name of [...spans.map(({ name }) => name), ...gpuInts]) {
    lines.push(`  ${snakeCase(name)}: u32,`);
  }
  for (const name of floats) lines.push(`  ${snakeCase(name)}: f32,`);
  lines.push("}");
  bindings.forEach(({ name, element, isWritten }, i) => {
    const access = isWritten || writable >> i & 1 ? "read_write" : "read";
    const type = elements[name] ?? element;
    lines.push(
      `@group(0) @binding(${i}) var<storage, ${access}> ${snakeCase(name)}: array<${type}>;`,
    );
  });
  lines.push("@group(1) @binding(0) var<uniform> p: Params;", "");
  return lines.join("\n");
}

/** `columnStart` as `column_start`. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
