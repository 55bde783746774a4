import { z } from "zod";
import { join } from "node:path";
import type { Device } from "../../lib/device/device.ts";
import { TrainingDivergedError } from "../../lib/errors.ts";
import { writeSafetensors } from "../../lib/formats/safetensors.ts";
import { Adam } from "../../lib/nn/optimizer.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { Random } from "../../lib/random.ts";
import { readTensors } from "../../lib/runs/folder/checkpoint.ts";
import type { RunKind, RunSettings } from "../../lib/runs/kinds/run_kind.ts";
import type { RunTask } from "../../lib/runs/kinds/run_task.ts";
import { deviceFields, runFields } from "../../lib/runs/settings/config.ts";
import { parseState, randomState, type Trainer } from "../../lib/training/trainer.ts";

const SIZE = 8;
const schema = z.strictObject({
  kind: z.enum(["toy"]).default("toy"),
  ...runFields,
  ...deviceFields,
  /** Step that diverges; 0 for none. */
  divergesAt: z.int().default(0),
});

/** Settings of a toy run. */
export type ToyConfig = z.output<typeof schema> & RunSettings;

/** Pulls a vector towards ones, with noise, and remembers where it began. */
export class ToyTrainer implements Trainer {
  readonly parameters: Parameters;
  readonly frozen: Record<string, Parameters>;
  readonly optimizer: Adam;
  stepsDone = 0;
  readonly #random = new Random(1);

  constructor(device: Device) {
    const specs = [{ name: "vector", shape: [SIZE] }];
    this.parameters = Parameters.create(device, specs, { trainable: true });
    this.frozen = { beginning: Parameters.create(device, specs, { trainable: false }) };
    this.optimizer = new Adam(this.parameters);
  }

  async distance(): Promise<number> {
    const values = await this.parameters.get("vector").read();
    return Math.hypot(...Array.from(values, (value) => value - 1));
  }

  async step(): Promise<void> {
    const values = await this.parameters.get("vector").read();
    const gradient = Array.from(values, (value) => value - 1 + 0.1 * this.#random.uniform());
    this.parameters.get("vector").grad!.write(Float32Array.from(gradient));
    this.optimizer.step(0.1);
    this.stepsDone++;
  }

  state(): unknown {
    return { step: this.stepsDone, random: this.#random.state };
  }

  setState(state: unknown): void {
    const toyState = z.object({ step: z.int(), random: randomState });
    const { step, random } = parseState(toyState, state, "toy");
    this.stepsDone = step;
    this.#random.state = random;
  }

  dispose(): void {
    this.optimizer.dispose();
    this.frozen.beginning.dispose();
    this.parameters.dispose();
  }
}

type Summary = { distance: { before: number; after: number }; steps: number };
type Stats = { distance: number };

/** A run of the toy algorithm. */
export function toyTask(
  device: Device,
  { steps, divergesAt, onDivergence = null }: {
    steps: number;
    divergesAt?: number;
    onDivergence?: "stop" | "skip" | null;
  },
): RunTask<Stats, number, Summary, number> & { trainer: ToyTrainer } {
  const trainer = new ToyTrainer(device);
  let position = 0;
  const save = async (folder: string) => {
    const { data } = (await trainer.parameters.readAll()).get("vector")!;
    const tensor = { dtype: "F32" as const, shape: [SIZE], data: new Float32Array(data) };
    await writeSafetensors(join(folder, "vector.safetensors"), new Map([["vector", tensor]]));
  };
  return {
    trainer,
    steps,
    sources: {},
    get position() {
      return { row: position };
    },
    set position(value: unknown) {
      position = z.object({ row: z.int() }).parse(value).row;
    },
    guard: onDivergence && { onDivergence, batchRows: () => [{ row: position }] },
    beforeFile: "distance_before.json",
    trainedFolder: "model",
    collect: () => Promise.resolve(position++),
    async step(row, step) {
      await trainer.step();
      if (step === divergesAt) throw new TrainingDivergedError(`step ${step} diverged`);
      const distance = await trainer.distance();
      return {
        stats: { distance },
        metrics: { distance, row, "time/step": 0.5 },
        samples: [{ row }],
        score: -distance,
      };
    },
    measure: () => trainer.distance(),
    parseMeasurement: (json) => typeof json === "number" ? json : null,
    describe: (when, distance) => `distance ${when} training: ${distance}`,
    writeTrained: save,
    readTrained: (folder) => readTensors(join(folder, "vector.safetensors")),
    saveTrained: save,
    conclude: (before, after) =>
      Promise.resolve({
        summary: { distance: { before, after }, steps },
        files: { "model/README.md": "# toy\n" },
        comparison: [],
      }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A kind of run that no file but the tests knows. */
export const toy: RunKind<ToyConfig, Stats, number, Summary> = {
  kind: "toy",
  title: "toy",
  schema,
  mayChange: ["steps"],
  headline: [{ metric: "distance", label: "distance", better: "lower" }],
  charts: [{
    id: "distance",
    title: "Distance",
    help: "Distance from ones.",
    unit: "",
    series: [{ metric: "distance", label: "distance" }],
  }],
  curves: ["distance"],
  stepTimes: ["time/step"],
  changes: (
    { distance },
  ) => [{ label: "distance", better: "lower", ...distance as object } as never],
  summarySchema: z.object({
    distance: z.object({ before: z.number(), after: z.number() }),
    steps: z.int(),
  }),
  resolve: (settings) => schema.parse(settings) as ToyConfig,
  open: ({ device, config }) => Promise.resolve(toyTask(device, config)),
};
