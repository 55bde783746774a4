import type { Binding, ElementType, Signature, SpanArgument, StorageBinding } from "./device.ts";

/** Memory arguments by name: the type of the elements, with a `?` where the argument may be null. */
export type SpanFields = Readonly<Record<string, ElementType | `${ElementType}?`>>;

/** A kernel's arguments as they are written down. */
export interface SignatureFields {
  /** The kernel's name: the export of the WASM module, the entry point of the WGSL. */
  readonly name: string;
  /** The device that has the kernel. Default null: both. */
  readonly only?: "wasm" | "webgpu" | null;
  /** Memory that is written. */
  readonly outputs: SpanFields;
  /** Memory that is only read. */
  readonly inputs?: SpanFields;
  /**
   * Bindings of a GPU that have several spans, by name: the spans lie in one block or are null, are of
   * one type, and are all written or all only read. Any other span is a binding of its own. WebGPU
   * guarantees 8 bindings; spans come into one block by `DeviceBase.allocTogether`.
   */
  readonly bindings?: Readonly<Record<string, readonly string[]>>;
  /** 32-bit integers, for both devices. */
  readonly ints?: readonly string[];
  /** 32-bit integers of the WGSL kernel alone. */
  readonly gpuInts?: readonly string[];
  /** 32-bit integers of the WASM kernel alone: mostly how the work is cut into tasks. */
  readonly taskInts?: readonly string[];
  /** 32-bit floats. */
  readonly floats?: readonly string[];
  /** Whole numbers that launcher and kernels share. */
  readonly constants?: Readonly<Record<string, number>>;
}

type Spans<F> = F extends SpanFields
  ? { readonly [K in keyof F]: F[K] extends `${string}?` ? Binding | null : Binding }
  : unknown;
type Scalars<N, V> = N extends readonly string[] ? { readonly [K in N[number]]: V } : unknown;
type Shared<F extends SignatureFields> =
  & Spans<F["outputs"]>
  & Spans<F["inputs"]>
  & Scalars<F["ints"], number | boolean>
  & Scalars<F["floats"], number>;

/** The named arguments of the WGSL kernel. */
export type GpuArguments<F extends SignatureFields> =
  & Shared<F>
  & Scalars<F["gpuInts"], number | boolean>;

/** The named arguments of the WASM kernel. */
export type TaskArguments<F extends SignatureFields> =
  & Shared<F>
  & Scalars<F["taskInts"], number | boolean>;

/**
 * Writes down what a kernel takes, once: the launcher's named arguments, the declarations of the WGSL
 * (webgpu/shader_source.ts) and the accessors of the AssemblyScript (kernels/args_generate.ts) follow
 * from it. Within a kind, arguments are passed in the order in which they stand here.
 *
 * @throws {Error} when two arguments have one name, or the spans of a binding do not fit together
 */
export function signature<const F extends SignatureFields>(
  fields: F,
): Signature<GpuArguments<F>, TaskArguments<F>> {
  const { name, only = null, outputs, inputs = {}, ints = [], floats = [], constants = {} } =
    fields;
  const spans = Object.entries({ ...outputs, ...inputs }).map(([name, type]): SpanArgument => ({
    name,
    element: type.replace("?", "") as ElementType,
  }));
  const gpuInts = [...ints, ...fields.gpuInts ?? []];
  const taskInts = [...ints, ...fields.taskInts ?? []];
  const spanNames = [...Object.keys(outputs), ...Object.keys(inputs)];
  const [gpuOrder, taskOrder] = [gpuInts, taskInts].map((own) => [...spanNames, ...own, ...floats]);
  for (const order of [gpuOrder, taskOrder]) {
    const twice = order.find((name, i) => order.indexOf(name) !== i);
    if (twice) throw new Error(`the kernel ${name} has two arguments called ${twice}`);
  }
  return {
    name,
    only,
    spans,
    bindings: bindingsOf(fields, spans),
    gpuInts,
    taskInts,
    floats,
    gpuOrder,
    taskOrder,
    constants,
  };
}

/** The bindings in the order of their first spans: outputs come first. */
function bindingsOf(
  { name, outputs, bindings = {} }: SignatureFields,
  spans: readonly SpanArgument[],
): StorageBinding[] {
  const found = new Map<string, StorageBinding & { spans: number[] }>();
  spans.forEach(({ name: span, element }, i) => {
    const shared = Object.keys(bindings).find((key) => bindings[key].includes(span)) ?? span;
    const isWritten = span in outputs;
    const binding = found.get(shared);
    if (!binding) found.set(shared, { name: shared, element, isWritten, spans: [i] });
    else if (binding.element === element && binding.isWritten === isWritten) binding.spans.push(i);
    else throw new Error(`the kernel ${name} cannot bind ${span} as ${shared}`);
  });
  const names = spans.map(({ name }) => name);
  const unknown = Object.values(bindings).flat().find((span) => !names.includes(span));
  if (unknown) throw new Error(`the kernel ${name} has no memory called ${unknown}`);
  return [...found.values()];
}

/**
 * Puts the named arguments of a launch in the order in which they are passed.
 *
 * @param order names in that order, a signature's
 * @param into where the values are put
 * @throws {Error} when one is missing
 */
export function putInOrder(order: readonly string[], args: object, into: unknown[]): void {
  const named = args as Readonly<Record<string, unknown>>;
  let count = 0;
  // V8 reads the properties of `for … in` by their place in the object, not by their name: ten times
  // as fast where a launcher writes its arguments in the order of the signature, as all often used do.
  for (const name in named) {
    if (name === order[count]) into[count++] = named[name];
  }
  if (count === order.length) return;
  for (let i = 0; i < order.length; i++) {
    const value = named[order[i]];
    if (value === undefined) throw new Error(`a kernel is launched without its ${order[i]}`);
    into[i] = value;
  }
}
