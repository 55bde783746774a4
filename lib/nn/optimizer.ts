import { adam } from "../../kernels/adam/adam.ts";
import { fill } from "../../kernels/elementwise/elementwise.ts";
import { gradNorm, gradNormWorkspace } from "../../kernels/grad_norm/grad_norm.ts";
import type { Device, DeviceBuffer } from "../device/device.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Parameters } from "./parameters.ts";

/** Options of {@linkcode Adam}, with the names and defaults of torch.optim. */
export interface AdamConfig {
  /** Decay of the moments. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** Weight decay. Default 0. */
  weightDecay?: number;
  /** AdamW (Loshchilov and Hutter 2019): decay apart from the gradient. Default false: Adam. */
  decoupled?: boolean;
}

/**
 * torch.optim.Adam, or AdamW, over packed parameters. Nothing is read back: clipping and the check
 * of the gradient's norm happen on the device.
 */
export class Adam {
  /** Running mean of the gradient, laid out as the parameters; checkpoints save it. */
  readonly firstMoment: Tensor;
  /** Running mean of its square. */
  readonly secondMoment: Tensor;
  /** f32 [1]: the norm of the gradient of the last step, before clipping. */
  readonly gradNorm: Tensor;
  /** Steps taken; set it, with the moments, when resuming. */
  stepCount = 0;
  readonly #device: Device;
  readonly #parameters: Parameters;
  readonly #workspace: DeviceBuffer;
  readonly #config: Required<AdamConfig>;

  /**
   * Starts with moments of zero.
   *
   * @throws {RangeError} when the parameters are not trainable
   * @throws {OutOfMemoryError} when the moments do not fit
   */
  constructor(parameters: Parameters, config: AdamConfig = {}) {
    if (!parameters.gradients) throw new RangeError("Adam needs trainable parameters");
    const { device, length } = parameters.values;
    const zeros = (count: number) => {
      const tensor = new Tensor(device, device.alloc(count * 4), [count]);
      fill(device, tensor, count, 0);
      return tensor;
    };
    this.#device = device;
    this.#parameters = parameters;
    this.#config = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, decoupled: false, ...config };
    this.#workspace = device.alloc(gradNormWorkspace(length));
    this.firstMoment = zeros(length);
    this.secondMoment = zeros(length);
    this.gradNorm = zeros(1);
  }

  /**
   * Updates the parameters from their gradients (and leaves those as they are). When the gradient's
   * norm is not finite, nothing changes but `gradNorm` and `stepCount`.
   *
   * @param maxGradNorm clips the gradient to this norm as torch's clip_grad_norm_; null does not
   */
  step(learningRate: number, maxGradNorm: number | null = null): void {
    const { values, gradients } = this.#parameters;
    const { firstMoment, secondMoment } = this;
    const workspace = { buffer: this.#workspace, byteOffset: 0 };
    gradNorm(this.#device, this.gradNorm, workspace, gradients!, values.length);
    this.stepCount++;
    this.#parameters.revision++;
    adam(
      this.#device,
      { values, gradients: gradients!, firstMoment, secondMoment, gradNorm: this.gradNorm },
      values.length,
      { ...this.#config, learningRate, step: this.stepCount, maxGradNorm: maxGradNorm ?? 0 },
    );
  }

  /** Frees the moments. */
  dispose(): void {
    for (const { buffer } of [this.firstMoment, this.secondMoment, this.gradNorm]) {
      this.#device.free(buffer);
    }
    this.#device.free(this.#workspace);
  }
}
