import type { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import { kindOf } from "../../lib/runs/kinds/registry.ts";
import { type SettingInfo, settingInfo } from "../../lib/settings/settings.ts";

/** A setting of a run. */
export interface Setting {
  /** Its name in `config.json`. */
  name: string;
  /** What it does. */
  description: string;
  /** Its value, as text. */
  value: string;
  /** The value that it has when it is not given, as text. */
  default: string;
  /** Whether the run's value is another than the default. */
  changed: boolean;
}

/**
 * Settings of a run, in the order of its command's help; those that Temper no longer knows, or all of
 * a kind that it does not know, come last.
 */
export function settingsOf(config: Record<string, unknown>): Setting[] {
  const fields = fieldsOf(config);
  const known = fields.filter(({ name }) => name in config).map(({ name, info }) => {
    const value = settingText(config[name]);
    const byDefault = settingText(info.default ?? null);
    const changed = value !== byDefault;
    return { name, description: info.description ?? "", value, default: byDefault, changed };
  });
  const names = fields.map(({ name }) => name);
  const others = Object.keys(config).filter((name) => !["kind", "output", ...names].includes(name));
  return [
    ...known,
    ...others.map((name) => ({
      name,
      description: "",
      value: settingText(config[name]),
      default: "",
      changed: false,
    })),
  ];
}

function fieldsOf(config: Record<string, unknown>): { name: string; info: SettingInfo }[] {
  let shape: z.ZodRawShape;
  try {
    shape = kindOf(config).schema.shape;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    shape = {};
  }
  return Object.entries(shape)
    .filter(([name]) => !["kind", "output"].includes(name))
    .map(([name, field]) => ({ name, info: settingInfo(field as z.ZodType) }));
}

/** A setting's value as it would be typed. */
export function settingText(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (Array.isArray(value)) return value.map(settingText).join(", ");
  if (typeof value === "string") return /^\s|\s$|\n/.test(value) ? JSON.stringify(value) : value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
