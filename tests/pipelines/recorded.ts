import { join } from "node:path";
import { SUBGROUPS_DIRECTIVE } from "../../lib/device/webgpu/shader_head.ts";
import type { RecordedPipeline } from "./record.ts";

/** Sizes of subgroups, least and most, that kernels are made for: see `SUBGROUP` in kernels/matmul. */
const SUBGROUP_SIZES = [8, 64];

/**
 * The pipelines that tests have made on Deno's WebGPU, as an implementation gets them that knows the
 * directive for subgroups; those with subgroups in several sizes.
 *
 * @returns by what tells them apart, for messages
 * @throws {Error} when none were recorded
 */
export function recordedPipelines(folder: string): Map<string, RecordedPipeline> {
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
 * Compiles pipelines, each by itself, on a device with no higher limits than every adapter has. It is
 * also sent to a page, so it uses nothing from outside.
 *
 * @param gpu an implementation of WebGPU; null for that of the page
 * @returns what is wrong, with the pipeline's name
 */
export async function compileAll(
  gpu: GPU | null,
  pipelines: readonly (readonly [string, RecordedPipeline])[],
): Promise<string[]> {
  const adapter = await (gpu ?? navigator.gpu).requestAdapter();
  if (!adapter) return ["no adapter"];
  const device = await adapter.requestDevice({ requiredFeatures: ["subgroups"] });
  const failures: string[] = [];
  const compile = async (name: string, recorded: RecordedPipeline) => {
    const { code, entryPoint, constants, groups } = recorded;
    device.pushErrorScope("validation");
    const layout = device.createPipelineLayout({
      bindGroupLayouts: groups.map((entries) => device.createBindGroupLayout({ entries })),
    });
    const module = device.createShaderModule({ code });
    const compute = { module, entryPoint, constants };
    const compiled = device.createComputePipelineAsync({ layout, compute });
    const [refused, failed] = await Promise.all([
      device.popErrorScope(),
      compiled.then(() => null, (error: Error) => error),
    ]);
    const error = refused ?? failed;
    if (error) failures.push(`${name}: ${error.message}`);
  };
  // Two at a time: a software adapter compiles on the CPU's cores.
  const next = pipelines.values();
  const worker = async () => {
    for (const [name, recorded] of next) await compile(name, recorded);
  };
  await Promise.all([worker(), worker()]);
  device.destroy();
  return failures;
}
