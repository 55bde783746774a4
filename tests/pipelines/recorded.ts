import { join } from "node:path";
import { SUBGROUPS_DIRECTIVE } from "../../lib/device/webgpu/shader_head.ts";
import type { RecordedPipeline } from "./record.ts";

/** Sizes of subgroups that kernels are made for: see `SUBGROUP` in kernels/matmul. */
const SUBGROUP_SIZES = [8, 16, 32, 64];

/**
 * The pipelines that tests have made on Deno's WebGPU, as an implementation gets them that knows the
 * directive for subgroups; those with subgroups in every size, not only that of the adapter.
 *
 * @returns by what tells them apart, for messages
 * @throws {Error} when none were recorded
 */
export function recordedPipelines(): Map<string, RecordedPipeline> {
  const folder = Deno.env.get("TEMPER_PIPELINES");
  if (!folder) throw new Error("TEMPER_PIPELINES names no folder: run `deno task test:dawn`");
  const pipelines = new Map<string, RecordedPipeline>();
  for (const { name } of Deno.readDirSync(folder)) {
    const recorded: RecordedPipeline = JSON.parse(Deno.readTextFileSync(join(folder, name)));
    const code = SUBGROUPS_DIRECTIVE + recorded.code;
    const { constants, label } = recorded;
    const sizes = "SUBGROUP" in constants ? SUBGROUP_SIZES : [undefined];
    for (const size of sizes) {
      const own = size === undefined ? constants : { ...constants, SUBGROUP: size };
      const key = `${label} ${JSON.stringify(own)} ${name}`;
      pipelines.set(key, { ...recorded, code, constants: own });
    }
  }
  return pipelines;
}

/**
 * Compiles pipelines, each by itself.
 *
 * @param gpu an implementation of WebGPU; null for that of the page it runs in
 * @param isDefault true to ask for no higher limits than every adapter has
 * @returns what is wrong, by the pipeline's name
 */
export async function compileAll(
  gpu: GPU,
  pipelines: readonly (readonly [string, RecordedPipeline])[],
): Promise<string[]> {
  const adapter = await gpu.requestAdapter();
  if (!adapter) return ["no adapter"];
  const device = await adapter.requestDevice({ requiredFeatures: ["subgroups"] });
  const failures: string[] = [];
  for (const [name, { code, entryPoint, constants, groups }] of pipelines) {
    device.pushErrorScope("validation");
    try {
      const layout = device.createPipelineLayout({
        bindGroupLayouts: groups.map((entries) => device.createBindGroupLayout({ entries })),
      });
      const module = device.createShaderModule({ code });
      await device.createComputePipelineAsync({
        layout,
        compute: { module, entryPoint, constants },
      });
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message}`);
    }
    const refused = await device.popErrorScope();
    if (refused) failures.push(`${name}: ${refused.message}`);
  }
  device.destroy();
  return failures;
}
