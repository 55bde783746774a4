/**
 * Records the pipelines that tests make, for compiled_test.ts: loaded before them by
 * `deno test --preload`, with `TEMPER_PIPELINES` naming a folder.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";

/** What a pipeline is made from. */
export interface RecordedPipeline {
  readonly label: string;
  readonly code: string;
  readonly entryPoint: string;
  readonly constants: Readonly<Record<string, number>>;
  /** Bindings of each group. */
  readonly groups: readonly GPUBindGroupLayoutEntry[][];
}

/** Makes every device of Deno's WebGPU write down its pipelines, each in a file of its own. */
function recordPipelines(folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  const device = GPUDevice.prototype;
  const { createShaderModule, createBindGroupLayout, createPipelineLayout, createComputePipeline } =
    device;
  const codes = new WeakMap<object, string>();
  const entries = new WeakMap<object, GPUBindGroupLayoutEntry[]>();
  const groups = new WeakMap<object, RecordedPipeline["groups"]>();
  device.createShaderModule = function (descriptor) {
    const made = createShaderModule.call(this, descriptor);
    codes.set(made, descriptor.code);
    return made;
  };
  device.createBindGroupLayout = function (descriptor) {
    const made = createBindGroupLayout.call(this, descriptor);
    entries.set(made, [...descriptor.entries]);
    return made;
  };
  device.createPipelineLayout = function (descriptor) {
    const made = createPipelineLayout.call(this, descriptor);
    groups.set(made, [...descriptor.bindGroupLayouts].map((layout) => entries.get(layout!)!));
    return made;
  };
  device.createComputePipeline = function (descriptor) {
    const { module, entryPoint, constants = {} } = descriptor.compute;
    // Tests of errors make this on purpose.
    if (codes.get(module)!.includes("let x = nothing;")) {
      return createComputePipeline.call(this, descriptor);
    }
    const recorded: RecordedPipeline = {
      label: descriptor.label ?? "",
      code: codes.get(module)!,
      entryPoint: entryPoint!,
      constants,
      groups: groups.get(descriptor.layout as object)!,
    };
    const text = JSON.stringify(recorded);
    const name = createHash("sha256").update(text).digest("hex").slice(0, 16);
    Deno.writeTextFileSync(join(folder, `${name}.json`), text);
    return createComputePipeline.call(this, descriptor);
  };
}

const folder = Deno.env.get("TEMPER_PIPELINES");
if (folder) recordPipelines(folder);
