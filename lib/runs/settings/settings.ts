import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";

/** What is known of a setting: the part of JSON Schema that our fields use. */
export interface SettingInfo {
  /** Kind of value; absent for a choice of several kinds. */
  type?: "number" | "integer" | "string" | "boolean" | "array";
  /** The values there are, where they can be listed. */
  enum?: readonly string[];
  /** Least value. */
  minimum?: number;
  /** The value must be above this. */
  exclusiveMinimum?: number;
  /** Largest value. */
  maximum?: number;
  /** The value must be below this. */
  exclusiveMaximum?: number;
  /** Of each value of a list. */
  items?: SettingInfo;
  /** What the setting does, as part of a sentence. */
  description?: string;
  /** Its value when it is not given. */
  default?: unknown;
  /** What stands for the value in help. */
  metavar?: string;
  /** Whether the setting may be null. */
  nullable: boolean;
}

/** Describes a field of a zod object. */
export function settingInfo(field: z.ZodType): SettingInfo {
  const schema = z.toJSONSchema(field, { io: "input" }) as Record<string, unknown>;
  const variants = schema.anyOf as Record<string, unknown>[] | undefined;
  if (!variants) return { ...schema, nullable: false };
  return { ...variants.find((variant) => variant.type !== "null"), ...schema, nullable: true };
}

/** Says in words which values a setting may have. */
export function allowedValues(info: SettingInfo): string {
  const words = info.type === "array"
    ? `a list, each ${allowedValues({ nullable: false, ...info.items })}`
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
 * Validates settings and fills in their defaults.
 *
 * @param source where the settings come from, for messages: a file's path
 * @throws {UserError} one line that names the setting, the value found and what is allowed; for a
 *   setting that does not exist, the one that was probably meant
 */
export function parseSettings<T extends z.ZodObject>(
  schema: T,
  settings: unknown,
  source?: string,
): z.output<T> {
  const parsed = schema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const prefix = source ? `${source}: ` : "";
  if (issue.code === "unrecognized_keys") {
    throw new UserError(prefix + unknownSetting(issue.keys[0], Object.keys(schema.shape)));
  }
  if (issue.path.length === 0) {
    throw new UserError(`${prefix}expected settings by name, found ${shown(settings)}`);
  }
  const name = String(issue.path[0]);
  const found = (settings as Record<string, unknown>)[name];
  const allowed = allowedValues(settingInfo(schema.shape[name]));
  throw new UserError(`${prefix}\`${name}\` must be ${allowed}, found ${shown(found)}`);
}

/** A value as in a file: YAML has numbers that JSON lacks, and lists that are part of themselves. */
function shown(value: unknown): string {
  if (typeof value === "number") return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return "a list or a mapping that contains itself";
  }
}

function unknownSetting(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  const advice = nearest ? `: did you mean ${nearest}?` : "";
  return `there is no setting ${JSON.stringify(key)}${advice}`;
}

/** The name that is most like `name`, by edit distance; null when none is near. */
export function nearestName(name: string, known: readonly string[]): string | null {
  let best: string | null = null;
  // Two letters that both differ have nothing in common.
  let least = Math.min(Math.max(2, Math.ceil(name.length / 3)) + 1, name.length);
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance: insertions, deletions and substitutions that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
