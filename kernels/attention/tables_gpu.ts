import type { GpuDevice, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import type { Attention, AttentionRows, PrefixSharing } from "./operands.ts";
import { ATTENTION_TABLE } from "./signatures.ts";
import tableCode from "./attention_table.wgsl" with { type: "text" };

const tableShader = wgsl(ATTENTION_TABLE, "attention/attention_table.wgsl", tableCode)();

/** Rows of an attention, and the groups of sequences with one prefix, as arguments of its kernels. */
export interface AttentionTables {
  readonly rows: {
    readonly queryStarts: Span;
    readonly queryLengths: Span;
    readonly keyStarts: Span;
    readonly keyLengths: Span;
  };
  /** Rows of the prefix, if there is one. */
  readonly prefix: { readonly prefixStarts: Span; readonly prefixLengths: Span };
  /** Null where no two sequences share a prefix. */
  readonly sharing: { readonly order: Span | null; readonly groups: Span | null };
}

/**
 * Launches kernels that bind the tables of an attention as one: where they are in several blocks, they
 * are copied first.
 *
 * @param sharing whose tables the kernels need as well; null for none
 */
export function withTables(
  device: GpuDevice,
  { sequences, queries, keys, prefix }: Attention,
  sharing: PrefixSharing | null,
  launch: (tables: AttentionTables) => void,
): void {
  const ofRows = ({ starts, lengths }: AttentionRows) => [starts, lengths];
  const rows = [queries, keys, ...prefix ? [prefix.rows] : []].flatMap(ofRows);
  const spans = sharing ? [...rows, sharing.order, sharing.starts] : rows;
  if (device.bindsTogether(spans)) return launch(named(spans, prefix ? 6 : 4));
  const lengths = spans.map(() => sequences);
  if (sharing) lengths[lengths.length - 1] = sharing.groups + 1;
  const words = lengths.reduce((sum, length) => sum + length, 0);
  const buffer = device.alloc(words * 4);
  let first = 0;
  const copies = spans.map((rows, i): Span => {
    const length = lengths[i];
    const joined = { buffer, byteOffset: first * 4 };
    first += length;
    device.dispatch(tableShader, Math.ceil(length / 64), { joined, rows, length });
    return joined;
  });
  launch(named(copies, prefix ? 6 : 4));
  device.free(buffer);
}

/** @param rows number of spans that are rows; those of a sharing follow */
function named(spans: readonly Span[], rows: number): AttentionTables {
  const [queryStarts, queryLengths, keyStarts, keyLengths, prefixStarts, prefixLengths] = spans;
  const [order = null, groups = null] = spans.slice(rows);
  return {
    rows: { queryStarts, queryLengths, keyStarts, keyLengths },
    prefix: { prefixStarts, prefixLengths },
    sharing: { order, groups },
  };
}
