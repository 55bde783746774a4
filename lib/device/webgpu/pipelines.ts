import type { Shader, ShaderSource } from "../device.ts";
import { BLOCK_BYTES } from "./parameter_blocks.ts";
import { WorkEstimate } from "./submit_budget.ts";

/** A compiled kernel and the layout of its storage bindings. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Tells layouts apart in the keys of cached bind groups. */
  readonly layoutKey: number;
  readonly work: WorkEstimate;
}

/** Compiles shaders once: a pipeline for each shader and set of bindings that are writable. */
export class Pipelines {
  readonly parameterLayout: GPUBindGroupLayout;
  readonly #modules = new Map<ShaderSource, Map<number, GPUShaderModule>>();
  readonly #pipelines = new Map<Shader, Map<number, Pipeline>>();
  readonly #layouts = new Map<number, GPUBindGroupLayout>();

  /** @param onError called, later, with what is wrong in a shader */
  constructor(
    private readonly gpu: GPUDevice,
    private readonly onError: (error: Error) => void,
  ) {
    this.parameterLayout = gpu.createBindGroupLayout({
      entries: [{
        binding: 0,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: BLOCK_BYTES },
      }],
    });
  }

  /**
   * @param writable bit i: binding i is writable. Inputs that share a block with an output must be,
   *   since WebGPU lets no dispatch use one buffer both read-only and writable.
   */
  get(shader: Shader, writable: number): Pipeline {
    let variants = this.#pipelines.get(shader);
    if (!variants) this.#pipelines.set(shader, variants = new Map());
    let found = variants.get(writable);
    if (!found) variants.set(writable, found = this.#create(shader, writable));
    return found;
  }

  #create(shader: Shader, writable: number): Pipeline {
    const count = shader.signature.bindings.length;
    const layoutKey = writable * 32 + count;
    let layout = this.#layouts.get(layoutKey);
    if (!layout) this.#layouts.set(layoutKey, layout = this.#layout(count, writable));
    const pipeline = this.gpu.createComputePipeline({
      label: shaderLabel(shader),
      layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [layout, this.parameterLayout] }),
      compute: {
        module: this.#module(shader.source, writable),
        entryPoint: shader.entryPoint,
        constants: shader.constants,
      },
    });
    return { pipeline, layout, layoutKey, work: new WorkEstimate() };
  }

  #layout(count: number, writable: number): GPUBindGroupLayout {
    const entries = Array.from({ length: count }, (_, binding): GPUBindGroupLayoutEntry => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: writable >> binding & 1 ? "storage" : "read-only-storage" },
    }));
    return this.gpu.createBindGroupLayout({ entries });
  }

  /** @param writable bit i: binding i is to be declared writable */
  #module(source: ShaderSource, writable: number): GPUShaderModule {
    let variants = this.#modules.get(source);
    if (!variants) this.#modules.set(source, variants = new Map());
    let module = variants.get(writable);
    if (!module) {
      const { file, linesBefore } = source;
      module = this.gpu.createShaderModule({ label: file, code: source.text(writable) });
      variants.set(writable, module);
      module.getCompilationInfo().then(({ messages }) => {
        const error = messages.find(({ type }) => type === "error");
        if (!error) return;
        const line = error.lineNum - linesBefore;
        const where = line > 0 ? `${file}:${line}` : `before ${file}:${error.lineNum}`;
        this.onError(
          new Error(`${where}:${error.linePos}: ${error.message.trim().split("\n")[0]}`),
        );
      });
    }
    return module;
  }
}

/** A kernel's name and its room's: `<room>.<entry point>`. */
export function shaderLabel({ source, entryPoint }: Shader): string {
  return `${source.file.split("/")[0]}.${entryPoint}`;
}
