import type { Shader, ShaderSource } from "../device.ts";
import { BLOCK_BYTES } from "./parameter_blocks.ts";

/** A compiled kernel and the layout of its storage bindings. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Tells layouts apart in the keys of cached bind groups. */
  readonly layoutKey: number;
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
   * @param count storage bindings
   * @param writable bit i: binding i is writable. Inputs that share a block with an output must be,
   *   since WebGPU lets no dispatch use one buffer both read-only and writable.
   */
  get(shader: Shader, count: number, writable: number): Pipeline {
    let variants = this.#pipelines.get(shader);
    if (!variants) this.#pipelines.set(shader, variants = new Map());
    let found = variants.get(writable);
    if (!found) variants.set(writable, found = this.#create(shader, count, writable));
    return found;
  }

  #create(shader: Shader, count: number, writable: number): Pipeline {
    const layoutKey = writable * 32 + count;
    let layout = this.#layouts.get(layoutKey);
    if (!layout) this.#layouts.set(layoutKey, layout = this.#layout(count, writable));
    const pipeline = this.gpu.createComputePipeline({
      label: `${shader.source.name}.${shader.entryPoint}`,
      layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [layout, this.parameterLayout] }),
      compute: {
        module: this.#module(shader.source, writable >> shader.outputs << shader.outputs),
        entryPoint: shader.entryPoint,
        constants: shader.constants,
      },
    });
    return { pipeline, layout, layoutKey };
  }

  #layout(count: number, writable: number): GPUBindGroupLayout {
    const entries = Array.from({ length: count }, (_, binding): GPUBindGroupLayoutEntry => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: writable >> binding & 1 ? "storage" : "read-only-storage" },
    }));
    return this.gpu.createBindGroupLayout({ entries });
  }

  /** @param promoted bit i: input i is to be declared writable */
  #module(source: ShaderSource, promoted: number): GPUShaderModule {
    let variants = this.#modules.get(source);
    if (!variants) this.#modules.set(source, variants = new Map());
    let module = variants.get(promoted);
    if (!module) {
      const code = source.code.replaceAll(
        /@binding\((\d+)\) var<storage, read>/g,
        (text, i) => promoted >> Number(i) & 1 ? text.replace("read>", "read_write>") : text,
      );
      module = this.gpu.createShaderModule({ label: source.name, code });
      variants.set(promoted, module);
      module.getCompilationInfo().then(({ messages }) => {
        const error = messages.find(({ type }) => type === "error");
        if (!error) return;
        const line = error.lineNum - source.preludeLines;
        const where = line > 0 ? `${source.name}.wgsl:${line}` : `prelude.wgsl:${error.lineNum}`;
        this.onError(
          new Error(`${where}:${error.linePos}: ${error.message.trim().split("\n")[0]}`),
        );
      });
    }
    return module;
  }
}
