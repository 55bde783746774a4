import type { ElementType, ShaderSource, Signature, StandIns } from "../device.ts";

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
  const before = (standIns: StandIns) =>
    withStandIns(signature, shared, standIns) + wgslDeclarations(signature, standIns, elements);
  return {
    file,
    linesBefore: before([]).split("\n").length - 1,
    text: (standIns) => before(standIns) + withStandIns(signature, code, standIns),
  };
}

/** WGSL in which elements of a binding that another stands for are that one's. */
function withStandIns({ bindings }: Signature, code: string, standIns: StandIns): string {
  return standIns.reduce((text, standIn, i) => {
    if (standIn === i) return text;
    const name = snakeCase(bindings[i].name);
    return text.replaceAll(
      new RegExp(`\\b${name}\\[`, "g"),
      `${snakeCase(bindings[standIn].name)}[`,
    );
  }, code);
}

/**
 * The WGSL declarations of a kernel's arguments. Each span is a storage binding of group 0 by its name,
 * or by that of a binding of several, and an offset `p.<name>` in words, since spans are bound from the
 * start of their block; integers and floats follow in `p`. Names are those of the signature, in snake
 * case.
 *
 * @param standIns bindings that others stand for are left out
 * @throws {Error} when a binding and the one that stands for it have different elements
 */
export function wgslDeclarations(
  { name, spans, bindings, gpuInts, floats, constants }: Signature,
  standIns: StandIns = [],
  elements: ElementTypes = {},
): string {
  const lines = Object.entries(constants).map(([name, value]) => `const ${name} = ${value}u;`);
  lines.push("struct Params {");
  for (const name of [...spans.map(({ name }) => name), ...gpuInts]) {
    lines.push(`  ${snakeCase(name)}: u32,`);
  }
  for (const name of floats) lines.push(`  ${snakeCase(name)}: f32,`);
  lines.push("}");
  const typeOf = (i: number) => elements[bindings[i].name] ?? bindings[i].element;
  bindings.forEach(({ name: binding, isWritten }, i) => {
    const standIn = standIns[i] ?? i;
    const type = typeOf(i);
    if (typeOf(standIn) !== type) {
      const other = bindings[standIn].name;
      throw new Error(`${name} cannot take ${binding} from the block of ${other}: another type`);
    }
    if (standIn !== i) return;
    const access = isWritten ? "read_write" : "read";
    const declared = `var<storage, ${access}> ${snakeCase(binding)}: array<${type}>`;
    lines.push(`@group(0) @binding(${i}) ${declared};`);
  });
  lines.push("@group(1) @binding(0) var<uniform> p: Params;", "");
  return lines.join("\n");
}

/** `columnStart` as `column_start`. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
