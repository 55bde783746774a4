import type { Device } from "../../device/device.ts";
import { rotaryTable } from "../../nn/rotary_table.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { frequenciesOf, type RopeConfig } from "./rope.ts";

/** Number of positions that a table has at first. */
const FIRST_POSITIONS = 512;

/** Cosines and sines of the angles of positions, as far as they have been needed. */
export class RotaryTables {
  readonly #tables = new Map<RopeConfig, Tensor>();

  constructor(private readonly device: Device, private readonly headSize: number) {}

  /** f32 [positions, headSize], at least as many positions; kept from pass to pass. */
  get(rope: RopeConfig, positions: number): Tensor {
    const table = this.#tables.get(rope);
    if (table && table.rows >= positions) return table;
    // Grown by doubling, so that lengths that creep up do not rebuild it each time. A tape may still
    // need the shorter tables, so they stay: all of them together are no larger than the new one.
    const count = 2 ** Math.ceil(Math.log2(Math.max(FIRST_POSITIONS, positions)));
    const values = rotaryTable(frequenciesOf(rope, this.headSize), count);
    const buffer = this.device.alloc(values.byteLength);
    const grown = new Tensor(this.device, buffer, [count, this.headSize]);
    grown.write(values);
    this.#tables.set(rope, grown);
    return grown;
  }
}
