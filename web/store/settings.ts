import type { z } from "zod";
import { trainConfigSchema } from "../../lib/runs/settings/config.ts";
import { settingInfo } from "../../lib/runs/settings/settings.ts";

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

const FIELDS = Object.entries(trainConfigSchema.shape)
  .filter(([name]) => name !== "output")
  .map(([name, field]) => ({ name, info: settingInfo(field as z.ZodType) }));

/** The settings of a run, in the order of the command's help; those that Temper no longer knows last. */
export function settingsOf(config: Record<string, unknown>): Setting[] {
  const known = FIELDS.filter(({ name }) => name in config).map(({ name, info }) => {
    const value = settingText(config[name]);
    const byDefault = settingText(info.default ?? null);
    const changed = value !== byDefault;
    return { name, description: info.description ?? "", value, default: byDefault, changed };
  });
  const names = FIELDS.map(({ name }) => name);
  const others = Object.keys(config).filter((name) => !names.includes(name));
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

/** A setting's value as it would be typed. */
export function settingText(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (Array.isArray(value)) return value.map(settingText).join(", ");
  if (typeof value === "string") return /^\s|\s$|\n/.test(value) ? JSON.stringify(value) : value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
