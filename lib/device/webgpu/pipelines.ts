import { yieldToEventLoop } from "../../event_loop.ts";
import type { KernelRecipe, Shader, ShaderSource, StandIns } from "../device.ts";
import { BLOCK_BYTES } from "./parameter_blocks.ts";
import { WorkEstimate } from "./submit_budget.ts";

/** A compiled kernel and the layout of its storage bindings. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly storage: StorageLayout;
  readonly work: WorkEstimate;
}

/** The storage bindings of a pipeline. */
export interface StorageLayout {
  readonly layout: GPUBindGroupLayout;
  /** Tells layouts apart in the keys of cached bind groups. */
  readonly id: number;
  /** Numbers of the bindings that are bound: others stand for the rest. */
  readonly bound: readonly number[];
}

/** Listeners for the compilation of a GPU's kernels. */
export interface CompilationHooks {
  /** Called before a kernel is compiled, which on some drivers takes seconds. */
  compiling?(kernel: string): void;
  /** Called when it is compiled. */
  compiled?(kernel: string, seconds: number): void;
}

/** Compiles shaders once: a pipeline for each shader and bindings that stand for others. */
export class Pipelines {
  readonly parameterLayout: GPUBindGroupLayout;
  /** Modules by their text. */
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #pipelines = new Map<Shader, Map<string, Pipeline>>();
  readonly #layouts = new Map<string, StorageLayout>();
  readonly #launched: KernelRecipe[] = [];
  /** Pipelines that were compiled ahead, by their recipe. */
  readonly #prepared = new Map<string, GPUComputePipeline>();

  /**
   * @param head put before the text of every module, on its first line
   * @param onError called, later, with what is wrong in a shader
   */
  constructor(
    private readonly gpu: GPUDevice,
    private readonly head: string,
    private readonly onError: (error: Error) => void,
    private readonly hooks: CompilationHooks = {},
  ) {
    this.parameterLayout = gpu.createBindGroupLayout({
      entries: [{
        binding: 0,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: BLOCK_BYTES },
      }],
    });
  }

  get(shader: Shader, standIns: StandIns): Pipeline {
    let variants = this.#pipelines.get(shader);
    if (!variants) this.#pipelines.set(shader, variants = new Map());
    const key = standIns.join();
    let found = variants.get(key);
    if (!found) variants.set(key, found = this.#create(shader, standIns));
    return found;
  }

  /** Recipes of all pipelines that were asked for. */
  get launched(): readonly KernelRecipe[] {
    return this.#launched;
  }

  /** Compiles pipelines ahead; those that fail are left out. */
  async prepare(recipes: readonly KernelRecipe[]): Promise<void> {
    const modules = new Map<string, GPUShaderModule>();
    const compiled: Promise<void>[] = [];
    for (const recipe of recipes) {
      const { label, code } = recipe;
      this.hooks.compiling?.(label);
      const start = performance.now();
      this.gpu.pushErrorScope("validation");
      const module = modules.get(code) ?? this.gpu.createShaderModule({ label, code });
      modules.set(code, module);
      const descriptor = this.#descriptor(recipe, this.#storage(recipe), module);
      // Deno compiles within the call, others meanwhile.
      const compilation = this.gpu.createComputePipelineAsync(descriptor);
      const refused = this.gpu.popErrorScope();
      this.hooks.compiled?.(label, (performance.now() - start) / 1000);
      compiled.push(
        Promise.all([compilation, refused]).then(([pipeline, error]) => {
          if (!error) this.#prepared.set(JSON.stringify(recipe), pipeline);
        }, () => {/* Its launch will tell. */}),
      );
      await yieldToEventLoop();
    }
    await Promise.all(compiled);
  }

  #create(shader: Shader, standIns: StandIns): Pipeline {
    const recipe = this.#recipe(shader, standIns);
    const storage = this.#storage(recipe);
    this.#launched.push(recipe);
    const pipeline = this.#prepared.get(JSON.stringify(recipe)) ??
      this.#compile(recipe, storage, this.#module(recipe.code, shader.source));
    return { pipeline, storage, work: new WorkEstimate() };
  }

  #recipe(shader: Shader, standIns: StandIns): KernelRecipe {
    const { source, entryPoint, constants, signature: { bindings } } = shader;
    const bound = [...bindings.keys()].filter((i) => (standIns[i] ?? i) === i);
    return {
      label: shaderLabel(shader),
      code: this.head + source.text(standIns),
      entryPoint,
      constants,
      bindings: bound,
      written: bound.filter((i) => bindings[i].isWritten),
    };
  }

  #compile(
    recipe: KernelRecipe,
    storage: StorageLayout,
    module: GPUShaderModule,
  ): GPUComputePipeline {
    this.hooks.compiling?.(recipe.label);
    const start = performance.now();
    const pipeline = this.gpu.createComputePipeline(this.#descriptor(recipe, storage, module));
    this.hooks.compiled?.(recipe.label, (performance.now() - start) / 1000);
    return pipeline;
  }

  #descriptor(
    { label, entryPoint, constants }: KernelRecipe,
    { layout }: StorageLayout,
    module: GPUShaderModule,
  ): GPUComputePipelineDescriptor {
    const bindGroupLayouts = [layout, this.parameterLayout];
    return {
      label,
      layout: this.gpu.createPipelineLayout({ bindGroupLayouts }),
      compute: { module, entryPoint, constants },
    };
  }

  #storage({ bindings, written }: KernelRecipe): StorageLayout {
    const key = `${bindings} ${written}`;
    let found = this.#layouts.get(key);
    if (!found) {
      const entries = bindings.map((binding): GPUBindGroupLayoutEntry => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: written.includes(binding) ? "storage" : "read-only-storage" },
      }));
      const layout = this.gpu.createBindGroupLayout({ entries });
      this.#layouts.set(key, found = { layout, id: this.#layouts.size, bound: bindings });
    }
    return found;
  }

  #module(code: string, { file, linesBefore }: ShaderSource): GPUShaderModule {
    let module = this.#modules.get(code);
    if (!module) {
      this.#modules.set(code, module = this.gpu.createShaderModule({ label: file, code }));
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
