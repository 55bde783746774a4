import { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";
import { camelCase, inStyleOf, nearestName } from "./names.ts";

/** Description of a setting: the part of JSON Schema that our fields use. */
export interface SettingInfo {
  /** Type of the value, the first of several; "object" for values by name. */
  type?: "number" | "integer" | "string" | "boolean" | "array" | "object";
  /** Possible values, where they can be listed. */
  enum?: readonly string[];
  /** Minimum. */
  minimum?: number;
  /** Minimum (exclusive). */
  exclusiveMinimum?: number;
  /** Maximum. */
  maximum?: number;
  /** Maximum (exclusive). */
  exclusiveMaximum?: number;
  /** Description of a list's values. */
  items?: SettingInfo;
  /** Description of the values of an object. */
  additionalProperties?: SettingInfo;
  /** Other names of the setting, in camelCase: TRL's older ones. */
  aliases?: readonly string[];
  /** Description: a noun phrase, or of a switch what it does, without a full stop. */
  description?: string;
  /** Default value. */
  default?: unknown;
  /** Placeholder of the value in the help. */
  metavar?: string;
  /** True for a setting that may be null. */
  nullable: boolean;
}

/** Describes a field of a zod object. */
export function settingInfo(field: z.ZodType): SettingInfo {
  const schema = z.toJSONSchema(field, { io: "input" }) as Record<string, unknown>;
  const variants = variantsOf(schema);
  const nullable = variants.some(({ type }) => type === "null");
  return { ...variants.find(({ type }) => type !== "null"), ...schema, nullable };
}

/** Kinds of values that a schema has a choice of, in its order. */
function variantsOf(schema: Record<string, unknown>): Record<string, unknown>[] {
  const choices = schema.anyOf as Record<string, unknown>[] | undefined;
  return choices ? choices.flatMap(variantsOf) : [schema];
}

/** A number as one would write it: small ones with an exponent, as 1.41e-5. */
export function formatNumber(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);
}

/** Says in words which values a setting may have. */
export function allowedValues(info: SettingInfo): string {
  const words = info.type === "array"
    ? `a list, each ${allowedValues({ nullable: false, ...info.items })}`
    : info.type === "object"
    ? `names, each with ${allowedValues({ nullable: false, ...info.additionalProperties })}`
    : allowedScalar(info);
  return info.nullable ? `${words}, or none` : words;
}

function allowedScalar(info: SettingInfo): string {
  if (info.enum) return `one of ${info.enum.join(", ")}`;
  if (info.type === "boolean") return "true or false";
  if (info.type === "string") return "a text that is not empty";
  const noun = info.type === "integer" ? "an integer" : "a number";
  const bounds: string[] = [];
  if (info.exclusiveMinimum !== undefined) bounds.push(`above ${info.exclusiveMinimum}`);
  else if (info.minimum !== undefined && info.minimum !== Number.MIN_SAFE_INTEGER) {
    bounds.push(`of at least ${info.minimum}`);
  }
  if (info.exclusiveMaximum !== undefined) bounds.push(`below ${info.exclusiveMaximum}`);
  else if (info.maximum !== undefined && info.maximum !== Number.MAX_SAFE_INTEGER) {
    bounds.push(`at most ${info.maximum}`);
  }
  return [noun, bounds.join(" and ")].filter(Boolean).join(" ");
}

/**
 * Validates settings and fills in their defaults. Names may be written as the schema's
 * (`learningRate`), as options (`learning-rate`) or as TRL's (`learning_rate`).
 *
 * @param source file that the settings come from, for messages
 * @throws {UserError} one line that names the setting, the value found and what is allowed; for a
 *   setting that does not exist, the one that was probably meant
 */
export function parseSettings<T extends z.ZodObject>(
  schema: T,
  settings: unknown,
  source?: string,
): z.output<T> {
  const prefix = source ? `${source}: ` : "";
  const named = withSettingNames(schema, settings, source);
  const parsed = schema.safeParse(named.settings);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue.path.length === 0) {
    throw new UserError(`${prefix}expected settings by name, found ${shown(settings)}`);
  }
  const name = String(issue.path[0]);
  const found = named.settings[name];
  const allowed = allowedValues(settingInfo(schema.shape[name]));
  const spelled = source ? named.keys.get(name) ?? name : `\`${name}\``;
  throw new UserError(`${prefix}${spelled} must be ${allowed}, found ${shown(found)}`);
}

/** Settings by the schema's names. */
export interface NamedSettings {
  /** Values, not validated. */
  settings: Record<string, unknown>;
  /** Name of each setting as it was written. */
  keys: ReadonlyMap<string, string>;
}

/**
 * Gives settings the schema's names.
 *
 * @param source file that the settings come from, for messages
 * @throws {UserError} when a setting is given twice or does not exist, with the one that was probably
 *   meant
 */
export function withSettingNames(
  schema: z.ZodObject,
  settings: unknown,
  source?: string,
): NamedSettings {
  const prefix = source ? `${source}: ` : "";
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw new UserError(`${prefix}expected settings by name, found ${shown(settings)}`);
  }
  const named = new Map<string, unknown>();
  const keys = new Map<string, string>();
  for (const [key, value] of Object.entries(settings)) {
    const name = settingName(schema, key);
    if (name === null) throw new UserError(prefix + unknownSetting(key, Object.keys(schema.shape)));
    const before = keys.get(name);
    if (before !== undefined) {
      const again = before === key ? "" : `, as ${before} and ${key}`;
      throw new UserError(`${prefix}${name} is given twice${again}`);
    }
    named.set(name, value);
    keys.set(name, key);
  }
  return { settings: Object.fromEntries(named), keys };
}

/** The schema's name of a setting written in any style, or by TRL's older name; null for none. */
function settingName(schema: z.ZodObject, key: string): string | null {
  const camel = camelCase(key);
  if (Object.hasOwn(schema.shape, camel)) return camel;
  const aliased = Object.entries(schema.shape).find(([, field]) =>
    settingInfo(field as z.ZodType).aliases?.includes(camel)
  );
  return aliased?.[0] ?? null;
}

/** A value as in a file: YAML has numbers that JSON lacks, and lists that are part of themselves. */
function shown(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (value === undefined) return "nothing";
  try {
    return JSON.stringify(value);
  } catch {
    return "a list or a mapping that contains itself";
  }
}

function unknownSetting(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  const advice = nearest ? `: did you mean ${inStyleOf(nearest, key)}?` : "";
  return `there is no setting ${JSON.stringify(key)}${advice}`;
}
