import { importAsset } from "../../assets.ts";
import type { DeviceOptions } from "../device/open.ts";
import type { NatsAddress } from "./address.ts";
import type { WorkerHooks } from "./worker_hooks.ts";

/** Module of the worker, for the library: the program has it in its bundle, and never comes here. */
const WORKER_MODULE = "lib/cluster/worker.ts";

/** Options of {@linkcode work}. */
export interface WorkOptions extends DeviceOptions {
  /** Measure on a GPU's first use which kernels are the fastest. Default true. */
  autotune?: boolean;
  /** Id of the run to work for. Default: any. */
  run?: string | null;
  /** Name of the worker. Default: the machine's, with a random suffix. */
  name?: string | null;
  /** This machine's copy of the run's model. Default: what the run names. */
  model?: string | null;
  /** This machine's copies of rewards of the run: scripts run here only if they are named. */
  rewards?: readonly string[];
  /** Maximum number of responses that are generated together. Default 64. */
  batchSize?: number;
  /** End when the run does, instead of waiting for another. Default false. */
  once?: boolean;
  /** Ends the work, after the responses at hand. */
  signal?: AbortSignal;
}

/**
 * Works for runs of trainers on other machines, as `temper work` does: takes prompts from a NATS server
 * with JetStream, responds with the trainer's policy, scores the responses, and stores the results. It
 * may end at any time; its work then goes to others.
 *
 * @throws {UserError} when the server cannot be used, the model is not the trainer's, or the trainer
 *   refuses a result
 */
export async function work(
  address: NatsAddress,
  { signal = new AbortController().signal, ...options }: WorkOptions = {},
  hooks: WorkerHooks = {},
): Promise<void> {
  // Training on one machine does not need NATS.
  const worker = await importAsset<typeof import("./worker.ts")>(WORKER_MODULE);
  await worker.work(
    address,
    {
      ...options,
      run: options.run ?? null,
      name: options.name ?? null,
      model: options.model ?? null,
      rewards: options.rewards ?? [],
      batchSize: options.batchSize ?? 64,
      once: options.once ?? false,
    },
    hooks,
    signal,
  );
}
