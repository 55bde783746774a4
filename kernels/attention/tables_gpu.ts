import type { GpuDevice, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import type { Attention, AttentionPrefix, PrefixSharing } from "./operands.ts";
import { ATTENTION_TABLE } from "./signatures.ts";
import tableCode from "./attention_table.wgsl" with { type: "text" };

const tableShader = wgsl(ATTENTION_TABLE, "attention/attention_table.wgsl", tableCode)();

/** Places of an attention's tables in one block, in words. */
export interface TablePlaces {
  readonly queryStarts: number;
  readonly queryLengths: number;
  readonly keyStarts: number;
  readonly keyLengths: number;
  readonly prefixStarts: number;
  readonly prefixLengths: number;
}

/** Places of a sharing's tables in the same block; -1 where there is none. */
export interface SharingPlaces {
  readonly order: number;
  readonly groups: number;
}

/**
 * Launches kernels that need the tables of an attention with a prefix in one block: where they are in
 * several, they are copied first.
 *
 * @param sharing whose tables they need as well
 * @param launch called with the block and the tables' places in it
 */
export function withTables(
  device: GpuDevice,
  { sequences, queries, keys }: Attention,
  { rows }: AttentionPrefix,
  sharing: PrefixSharing | null,
  launch: (tables: Span, places: TablePlaces, sharing: SharingPlaces) => void,
): void {
  const tables = [queries, keys, rows].flatMap(({ starts, lengths }) => [
    { span: starts, length: sequences },
    { span: lengths, length: sequences },
  ]);
  if (sharing) {
    tables.push({ span: sharing.order, length: sequences });
    tables.push({ span: sharing.starts, length: sharing.groups + 1 });
  }
  const { buffer } = tables[0].span;
  if (tables.every(({ span }) => span.buffer === buffer)) {
    const places = tables.map(({ span }) => span.byteOffset / 4);
    return launch({ buffer, byteOffset: 0 }, rowPlaces(places), sharingPlaces(places));
  }
  const words = tables.reduce((sum, { length }) => sum + length, 0);
  const joined: Span = { buffer: device.alloc(words * 4), byteOffset: 0 };
  let next = 0;
  const places = tables.map(({ span, length }) => {
    const first = next;
    next += length;
    device.dispatch(tableShader, Math.ceil(length / 64), { joined, rows: span, first, length });
    return first;
  });
  launch(joined, rowPlaces(places), sharingPlaces(places));
  device.free(joined.buffer);
}

function rowPlaces(places: readonly number[]): TablePlaces {
  const [queryStarts, queryLengths, keyStarts, keyLengths, prefixStarts, prefixLengths] = places;
  return { queryStarts, queryLengths, keyStarts, keyLengths, prefixStarts, prefixLengths };
}

function sharingPlaces(places: readonly number[]): SharingPlaces {
  const [order = -1, groups = -1] = places.slice(6);
  return { order, groups };
}
