import type { z } from "../packages/zod.ts";

/** Fields without some of them, in the same order. */
export function without<Fields extends object, Name extends keyof Fields>(
  fields: Fields,
  ...names: readonly Name[]
): Omit<Fields, Name> {
  const kept = Object.entries(fields).filter(([name]) =>
    !(names as readonly string[]).includes(name)
  );
  return Object.fromEntries(kept) as Omit<Fields, Name>;
}

/** Settings of a schema among those of a larger one; they are not checked again. */
export function partOf<Shape extends z.ZodRawShape>(
  { shape }: z.ZodObject<Shape>,
  settings: Readonly<Record<keyof Shape, unknown>>,
): z.output<z.ZodObject<Shape>> {
  const names = Object.keys(shape) as (keyof Shape)[];
  return Object.fromEntries(names.map((name) => [name, settings[name]])) as z.output<
    z.ZodObject<Shape>
  >;
}
