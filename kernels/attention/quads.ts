/**
 * WGSL that reads four neighbours of each of some f32 bindings, `<name>_quad(at)`.
 *
 * @param wide true where the bindings' elements are `vec4f`: then `at` is a multiple of four
 */
export function quadReaders(names: readonly string[], wide: boolean): string {
  return names.map((name) => {
    const each = [0, 1, 2, 3].map((i) => `${name}[at + ${i}u]`);
    const four = wide ? `${name}[at / 4u]` : `vec4f(${each.join(", ")})`;
    return `fn ${name}_quad(at: u32) -> vec4f {\n  return ${four};\n}\n`;
  }).join("\n");
}
