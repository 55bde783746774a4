import type { Block } from "./buffer_pool.ts";
import type { StorageLayout } from "./pipelines.ts";

/** Bind groups kept; a training step of the largest models makes a few thousand. */
const MAX_BIND_GROUPS = 16384;

/** The storage bindings of dispatches, made once for each layout and choice of blocks. */
export class BindGroups {
  readonly #groups = new Map<string, GPUBindGroup>();

  /** @param most bytes of a binding at most */
  constructor(private readonly gpu: GPUDevice, private readonly most: number) {}

  /** @param starts where in each block the part begins that is bound: as much as can be bound */
  get(
    { layout, id, bound }: StorageLayout,
    blocks: readonly Block[],
    starts: readonly number[],
  ): GPUBindGroup {
    let key = `${id}`;
    for (const i of bound) key += starts[i] ? `,${blocks[i].id}@${starts[i]}` : `,${blocks[i].id}`;
    key += ",";
    let group = this.#groups.get(key);
    if (!group) {
      if (this.#groups.size >= MAX_BIND_GROUPS) this.#groups.clear();
      const entries = bound.map((binding): GPUBindGroupEntry => {
        const { gpu: buffer, size } = blocks[binding];
        const offset = starts[binding];
        return { binding, resource: { buffer, offset, size: Math.min(size - offset, this.most) } };
      });
      group = this.gpu.createBindGroup({ layout, entries });
      this.#groups.set(key, group);
    }
    return group;
  }

  /** Drops the bind groups of a block that is gone. */
  forget({ id }: Block): void {
    for (const key of this.#groups.keys()) {
      if (key.includes(`,${id},`) || key.includes(`,${id}@`)) this.#groups.delete(key);
    }
  }
}
