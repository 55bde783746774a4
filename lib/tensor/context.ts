import type { Device } from "../device/device.ts";
import { BYTES, type DType, Tensor } from "./tensor.ts";
import type { DropoutOptions } from "../../kernels/dropout/dropout.ts";
import { fill } from "../../kernels/elementwise/elementwise.ts";

interface TapeNode {
  /** Result of an op; a layer that is computed again may have several. */
  outputs: readonly Tensor[];
  /** Tensors made for this node (its outputs and what it saved); freed after its backward. */
  owned: Tensor[];
  /** Tensors that `backward` reads. */
  saved: readonly (Tensor | null)[];
  /** Takes the gradients of those outputs that have one, at least one of them. */
  backward: (seeds: readonly OutputGradient[]) => void;
  /** Computes the output again, from what is saved; null where that would take long. */
  recompute: (() => void) | null;
}

/** Output of a pass, and the gradient that its backward pass starts from. */
export interface OutputGradient {
  /** Output of a pass. */
  output: Tensor;
  /** Gradient of the loss by it. */
  gradient: Tensor;
}

/** Destination of a gradient: the first contribution overwrites it, others are added. */
export interface GradientSlot {
  /** The gradient's tensor. */
  into: Tensor;
  /** Adds to what is there instead of overwriting it. */
  accumulate: boolean;
}

/** Kind of pass of a {@linkcode Context}. */
export interface ContextOptions {
  /** Ops record how to differentiate themselves. Default false. */
  grad?: boolean;
  /** Seed of the dropout masks; null, the default, for no dropout. */
  dropoutSeed?: number | null;
  /**
   * Bytes of activations after which layers keep only their input, and are computed again in the
   * backward pass (Chen et al. 2016, "Training deep nets with sublinear memory cost"). Gradients are
   * the same, bit for bit. Default: no limit.
   */
  activationMemory?: number;
}

/**
 * One pass over a model: hands out activations and, when gradients are wanted, keeps the tape for
 * reverse-mode differentiation. Everything it hands out is returned to the device by `release`
 * (or, node by node, as `backward` passes it); without a tape `scope` returns it much earlier.
 */
export class Context {
  /** Device that the pass runs on. */
  readonly device: Device;
  /** Seed of this pass's dropout masks; null where dropout is off. */
  readonly dropoutSeed: number | null;
  readonly #activationLimit: number;
  /** Off also while a layer runs whose activations are not kept. */
  #recording: boolean;
  /** True while a layer runs that will be computed again. */
  #checkpointing = false;
  #dropouts = 0;
  #nodes: TapeNode[] = [];
  #owned: Tensor[] = [];
  /** Freed outputs that a backward function reads, with the nodes that compute them again. */
  #dropped = new Map<Tensor, TapeNode>();

  /** Starts a pass. */
  constructor(device: Device, options: ContextOptions = {}) {
    this.device = device;
    this.#recording = options.grad ?? false;
    this.dropoutSeed = options.dropoutSeed ?? null;
    this.#activationLimit = device.memory.used + (options.activationMemory ?? Infinity);
  }

  /** True when ops record how to differentiate themselves, and keep what that needs. */
  get grad(): boolean {
    return this.#recording;
  }

  /**
   * True when ops have to declare how to differentiate themselves: with a tape, or in a layer that the
   * backward pass will compute again.
   */
  get differentiates(): boolean {
    return this.#recording || this.#checkpointing;
  }

  /** The mask of the next dropout of this pass, whose seed must not be null. */
  nextDropout(p: number): DropoutOptions {
    return { p, seed: this.dropoutSeed!, stream: this.#dropouts++ };
  }

  /** A tensor with undefined contents that lives until its scope, node or pass ends. */
  empty(shape: readonly number[], dtype: DType = "f32"): Tensor {
    let length = BYTES[dtype];
    for (const d of shape) length *= d;
    const tensor = new Tensor(this.device, this.device.alloc(Math.max(4, length)), shape, dtype);
    this.#owned.push(tensor);
    return tensor;
  }

  /**
   * f32 tensors with undefined contents in one block, as `DeviceBase.allocTogether` makes it; each lives
   * as `empty` says.
   */
  emptyTogether(shapes: readonly (readonly number[])[]): Tensor[] {
    const bytes = shapes.map((shape) => Math.max(4, shape.reduce((n, d) => n * d, BYTES.f32)));
    return this.device.allocTogether(bytes).map((buffer, i) => {
      const tensor = new Tensor(this.device, buffer, shapes[i]);
      this.#owned.push(tensor);
      return tensor;
    });
  }

  /** A tensor with these values. */
  from(data: Float32Array | Int32Array, shape: readonly number[] = [data.length]): Tensor {
    const tensor = this.empty(shape, data instanceof Int32Array ? "i32" : "f32");
    tensor.write(data);
    return tensor;
  }

  /** Frees a temporary at once. */
  free(tensor: Tensor): void {
    const at = this.#owned.lastIndexOf(tensor);
    if (at >= 0) this.#owned.splice(at, 1);
    this.device.free(tensor.buffer);
  }

  /** Without a tape, frees everything made inside but the result. With one, the tape owns it all. */
  scope<T extends Tensor | readonly Tensor[]>(body: () => T): T {
    if (this.grad) return body();
    const outer = this.#owned;
    this.#owned = [];
    try {
      const result = body();
      const kept = new Set<Tensor>(asList(result));
      for (const tensor of this.#owned) {
        if (kept.has(tensor)) outer.push(tensor);
        else this.device.free(tensor.buffer);
      }
      this.#owned = outer;
      return result;
    } catch (error) {
      outer.push(...this.#owned);
      this.#owned = outer;
      throw error;
    }
  }

  /**
   * One layer of a stack, of which nothing but its results is used outside: the next layer's input,
   * and tensors that outlive it, as the keys and values of prompts. Without a tape, as `scope`, and
   * frees its input, which nothing reads afterwards. With one, keeps what the backward pass reads;
   * `body` may be called a second time, in the backward pass.
   */
  layer<T extends Tensor | readonly Tensor[]>(input: Tensor, body: (input: Tensor) => T): T {
    if (this.grad) {
      return this.device.memory.used < this.#activationLimit
        ? this.#keepSaved(() => body(input))
        : this.#checkpoint(input, body);
    }
    const result = this.scope(() => body(input));
    this.free(input);
    return result;
  }

  /**
   * Runs a layer with a tape, and frees what no backward function of it reads, or what can be computed
   * again when one does.
   */
  #keepSaved<T extends Tensor | readonly Tensor[]>(body: () => T): T {
    const before = new Set(this.#owned);
    const firstNode = this.#nodes.length;
    const result = body();
    const outputs = asList(result);
    const nodes = this.#nodes.slice(firstNode);
    const saved = new Set(nodes.flatMap((node) => node.saved));
    const dropped = new Map<Tensor, TapeNode>();
    for (const node of nodes) {
      const [output] = node.outputs;
      if (node.recompute && !outputs.includes(output)) dropped.set(output, node);
    }
    // By their memory: what is read through another view of it stays as well.
    const read = new Set(
      [...outputs, ...saved].filter((t) => t && !dropped.has(t)).map((t) => t!.buffer),
    );
    for (const [tensor, node] of dropped) {
      if (saved.has(tensor) && !read.has(tensor.buffer)) this.#dropped.set(tensor, node);
    }
    const keep = (tensor: Tensor) => {
      if (before.has(tensor) || read.has(tensor.buffer)) return true;
      this.device.free(tensor.buffer);
      return false;
    };
    for (const node of nodes) node.owned = node.owned.filter(keep);
    this.#owned = this.#owned.filter(keep);
    return result;
  }

  /** Runs a layer without keeping its activations; its backward pass computes them again. */
  #checkpoint<T extends Tensor | readonly Tensor[]>(input: Tensor, body: (input: Tensor) => T): T {
    const dropouts = this.#dropouts;
    let result: T;
    this.#recording = false;
    this.#checkpointing = true;
    try {
      result = this.scope(() => body(input));
    } finally {
      this.#recording = true;
      this.#checkpointing = false;
    }
    const outputs = asList(result);
    if (!outputs.some((output) => output.requiresGrad)) return result;
    const backward = (seeds: readonly OutputGradient[]) => {
      const outer = { nodes: this.#nodes, owned: this.#owned, dropouts: this.#dropouts };
      this.#nodes = [];
      this.#owned = [];
      this.#dropouts = dropouts;
      try {
        const again = asList(this.#keepSaved(() => body(input)));
        this.backward(
          seeds.map(({ output, gradient }) => ({
            output: again[outputs.indexOf(output)],
            gradient,
          })),
        );
      } finally {
        // Gradients of the layer's inputs are left; after an error, what `release` frees.
        outer.owned.push(...this.#owned, ...this.#nodes.flatMap((node) => node.owned));
        this.#owned = outer.owned;
        this.#nodes = outer.nodes;
        this.#dropouts = outer.dropouts;
      }
    };
    this.#nodes.push({ outputs, owned: this.#owned, saved: [input], backward, recompute: null });
    this.#owned = [];
    return result;
  }

  /**
   * Declares that `output` was computed from `inputs`. `backward` gets the gradient of the output
   * and adds to those of the inputs (see `gradient`); of what was made in this pass it may read
   * only `saved`. Recorded only when an input wants a gradient.
   *
   * @param recompute launches what computed `output` once more, from what `saved` has of it; given
   *   where that takes next to nothing, so that a layer need not keep its output
   */
  record(
    output: Tensor,
    inputs: readonly (Tensor | null)[],
    saved: readonly (Tensor | null)[],
    backward: (dy: Tensor) => void,
    recompute: (() => void) | null = null,
  ): void {
    if (!this.differentiates) return;
    if (!inputs.some((t) => t?.requiresGrad)) return;
    output.requiresGrad = true;
    if (!this.grad) return;
    this.#nodes.push({
      outputs: [output],
      owned: this.#owned,
      saved,
      backward: ([{ gradient }]) => backward(gradient),
      recompute,
    });
    this.#owned = [];
  }

  /** Destination for the gradient of an input; null when it wants none. */
  gradient(input: Tensor): GradientSlot | null {
    if (!input.requiresGrad) return null;
    if (input.grad) return { into: input.grad, accumulate: true };
    input.grad = this.empty(input.shape);
    return { into: input.grad, accumulate: false };
  }

  /**
   * Runs the tape backwards from outputs whose gradients are given, one for each output. Activations
   * and their gradients are freed on the way; gradients of parameters (whose `grad` was set
   * beforehand) are added to. The given gradients, which may be added to as well, and those of
   * tensors that no op made stay until `release`.
   */
  backward(seeds: readonly OutputGradient[]): void {
    const given = new Set(seeds.map(({ gradient }) => gradient));
    for (const { output, gradient } of seeds) output.grad = gradient;
    for (let node = this.#nodes.at(-1); node; node = this.#nodes.at(-1)) {
      const { outputs, owned, saved, backward } = node;
      const arrived = outputs.flatMap((output) =>
        output.grad ? [{ output, gradient: output.grad }] : []
      );
      if (arrived.length > 0) {
        for (const tensor of saved) this.#restore(tensor);
        backward(arrived);
      }
      // Only now: when a backward function throws, `release` still finds what the node owns.
      this.#nodes.pop();
      for (const output of outputs) {
        this.#dropped.delete(output);
        output.grad = null;
      }
      for (const { gradient } of arrived) {
        if (!given.has(gradient) && this.#owned.includes(gradient)) this.free(gradient);
      }
      for (const tensor of owned) {
        if (given.has(tensor)) this.#owned.push(tensor);
        else this.device.free(tensor.buffer);
      }
    }
  }

  /** Computes a tensor again that a layer has freed. It lives on until the node that made it is passed. */
  #restore(tensor: Tensor | null): void {
    const node = tensor && this.#dropped.get(tensor);
    if (!node) return;
    this.#dropped.delete(tensor);
    for (const input of node.saved) this.#restore(input);
    tensor.buffer = this.device.alloc(tensor.buffer.byteLength);
    node.owned.push(tensor);
    node.recompute!();
  }

  /** Zeroes a tensor. */
  zero(tensor: Tensor): void {
    fill(this.device, tensor, tensor.length, 0);
  }

  /** Frees everything that is left. */
  release(): void {
    for (const node of this.#nodes) for (const t of node.owned) this.device.free(t.buffer);
    for (const tensor of this.#owned) this.device.free(tensor.buffer);
    this.#nodes = [];
    this.#owned = [];
    this.#dropped.clear();
  }
}

function asList(result: Tensor | readonly Tensor[]): readonly Tensor[] {
  return result instanceof Tensor ? [result] : result;
}
