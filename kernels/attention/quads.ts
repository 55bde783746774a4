/**
 * WGSL that reads four neighbours of f32 operands, `<operand>_quad(at)`.
 *
 * @param bindings the binding of each operand
 * @param wide true where the bindings' elements are `vec4f`: then `at` is a multiple of four
 */
export function quadReaders(bindings: Readonly<Record<string, string>>, wide: boolean): string {
  return Object.entries(bindings).map(([operand, binding]) => {
    const each = [0, 1, 2, 3].map((i) => `${binding}[at + ${i}u]`);
    const four = wide ? `${binding}[at / 4u]` : `vec4f(${each.join(", ")})`;
    return `fn ${operand}_quad(at: u32) -> vec4f {\n  return ${four};\n}\n`;
  }).join("\n");
}
