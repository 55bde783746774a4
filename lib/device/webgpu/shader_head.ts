/** Directive that the specification asks of shaders with subgroups, and that naga refuses. */
export const SUBGROUPS_DIRECTIVE = "enable subgroups; ";

/**
 * Finds out what shaders have to begin with on a device: the directive for subgroups, where it has them
 * and its compiler knows the directive. It stands on the first line, so that lines keep their numbers.
 */
export async function shaderHead(gpu: GPUDevice): Promise<string> {
  if (!gpu.features.has("subgroups")) return "";
  const code = `${SUBGROUPS_DIRECTIVE}@compute @workgroup_size(1) fn probe() {}`;
  gpu.pushErrorScope("validation");
  gpu.createShaderModule({ label: "probe", code });
  return await gpu.popErrorScope() ? "" : SUBGROUPS_DIRECTIVE;
}
