import { object } from "@optique/core/constructs";
import { message, text, value } from "@optique/core/message";
import { map, multiple, optional, withDefault } from "@optique/core/modifiers";
import type { FluentParser } from "@optique/core/modifiers";
import { negatableFlag, option } from "@optique/core/primitives";
import type { OptionName } from "@optique/core/usage";
import type { ValueParser } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import type { z } from "../packages/zod.ts";
import {
  allowedValues,
  formatNumber,
  type SettingInfo,
  settingInfo,
} from "../settings/settings.ts";

/** Settings given on the command line; the others are undefined. */
export type GivenSettings<F extends z.ZodRawShape> = Partial<z.output<z.ZodObject<F>>>;

type AnyParser = FluentParser<"sync", unknown, unknown>;

/**
 * Makes a command-line option of every field of a zod object: `learningRate` becomes
 * `--learning-rate`, a boolean gets a `--no-…`, a list, or values by name as in `a=1,b=2`, can be
 * separated by commas or repeated, and `none` is null. Descriptions, defaults and choices are shown in the help; values are checked by
 * the field itself.
 *
 * The parsed object has only what was given, so that a configuration file can provide the rest.
 *
 * @param title heading in the help
 * @param demo defaults of the demo run where they differ, shown in the help as well
 */
export function optionsFromSchema<F extends z.ZodRawShape>(
  title: string,
  fields: F,
  demo: Readonly<Record<string, unknown>> = {},
): FluentParser<"sync", GivenSettings<F>, Record<string, unknown>> {
  const parsers: Record<string, AnyParser> = {};
  for (const [name, field] of Object.entries(fields)) {
    parsers[name] = optionFromField(name, field as z.ZodType, demo[name]);
  }
  // The type of each value is the field's own: its parser hands out what the field let through.
  return object(title, parsers) as unknown as FluentParser<
    "sync",
    GivenSettings<F>,
    Record<string, unknown>
  >;
}

/** Name of a setting as an option, without the hyphens before it: `learning-rate`. */
export function optionName(setting: string): string {
  return setting.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
}

function optionFromField(name: string, field: z.ZodType, demo: unknown): AnyParser {
  const info = settingInfo(field);
  const flag: OptionName = `--${optionName(name)}`;
  // A default of none is told in the description; beside the demo's, both are told in one place.
  const told = demo === undefined ? null : TOLD_DEFAULT.exec(info.description ?? "");
  const described = told === null ? info.description : told[1];
  const description = message`${text(described ?? "")}`;
  const shown = defaultOf(info, told?.[2], demo);
  if (info.type === "boolean") {
    const names = { positive: flag, negative: `--no-${optionName(name)}` as OptionName };
    return undefinedUnlessGiven(negatableFlag(names, { description }), shown);
  }
  const errors = { invalidValue: (reason: typeof description) => message`${text(flag)} ${reason}` };
  const single = option(flag, fieldValue(field, info), { description, errors });
  if (info.type !== "array" && info.type !== "object") {
    return undefinedUnlessGiven(single, shown);
  }
  const joined = map(multiple(single, { min: 1 }), (parts) => {
    if (parts.includes(null)) return null;
    return info.type === "array" ? parts.flat() : Object.assign({}, ...parts);
  });
  return undefinedUnlessGiven(joined, shown);
}

/** A description that ends with its default. */
const TOLD_DEFAULT = /^(.*) \(default: (.*)\)$/s;

/** Default that the help shows behind a description; null for none. */
function defaultOf(info: SettingInfo, told: string | undefined, demo: unknown): string | null {
  const isNone = info.default === undefined || info.default === null;
  const own = isNone ? told : formatSetting(info.default);
  const demos = demo === undefined ? own : formatSetting(demo);
  if (demos === own) return own ?? null;
  const parts = [...(own === undefined ? [] : [own]), `${demos} in the demo`];
  // A default in words may have commas of its own.
  return parts.join(isNone ? "; " : ", ");
}

/** Shows the default in the help, but leaves it to the schema to apply. */
function undefinedUnlessGiven(parser: AnyParser, shown: string | null): AnyParser {
  if (shown === null) return optional(parser);
  return withDefault(parser, undefined, { message: message`${text(shown)}` });
}

function formatSetting(setting: unknown): string {
  if (setting === null) return "none";
  if (typeof setting === "number") return formatNumber(setting);
  if (typeof setting === "string") return /\s/.test(setting) ? JSON.stringify(setting) : setting;
  return String(setting);
}

/** Reads a value of a field from text. */
function fieldValue(field: z.ZodType, info: SettingInfo): ValueParser<"sync", unknown> {
  const metavar = info.metavar ?? info.enum?.join("|") ?? METAVARS[info.type ?? "string"] ?? "TEXT";
  return {
    mode: "sync",
    metavar: metavar as ValueParser["metavar"],
    placeholder: info.default,
    choices: info.enum,
    format: formatSetting,
    parse(input) {
      const parsed = field.safeParse(fromText(input, info));
      if (parsed.success) return { success: true, value: parsed.data };
      return {
        success: false,
        error: message`must be ${text(allowedValues(info))}, found ${value(input)}`,
      };
    },
    *suggest(prefix) {
      for (const choice of info.enum ?? []) {
        if (choice.startsWith(prefix)) yield { kind: "literal", text: choice };
      }
      if (/DIR|FILE|PATH/.test(metavar)) yield* path().suggest?.(prefix) ?? [];
    },
  };
}

const METAVARS: Readonly<Record<string, string>> = {
  integer: "N",
  number: "NUMBER",
  string: "TEXT",
  array: "LIST",
  object: "NAME=VALUE,…",
};

/** JSON value of a text; one that has none stays a text, which the field refuses. */
function fromText(input: string, info: SettingInfo): unknown {
  if (info.nullable && ["none", "null"].includes(input)) return null;
  if (info.type === "array") {
    return input.split(",").map((part) => fromText(part, { nullable: false, ...info.items }));
  }
  if (info.type === "object") {
    return Object.fromEntries(
      input.split(",").map((part) => {
        // A name may be a pattern, which may have the sign.
        const at = part.lastIndexOf("=");
        const value = fromText(part.slice(at + 1), {
          nullable: false,
          ...info.additionalProperties,
        });
        return [part.slice(0, Math.max(at, 0)), value];
      }),
    );
  }
  if (info.type !== "number" && info.type !== "integer") return input;
  return /^[-+]?[\d.]+(e[-+]?\d+)?$/i.test(input) ? Number(input) : input;
}
