import type { z } from "zod";
import type { RunKind } from "../../lib/runs/kinds/run_kind.ts";
import { formatNumber, settingInfo } from "../../lib/settings/settings.ts";

/** A setting of a run. */
export interface Setting {
  /** Name in `config.json`. */
  name: string;
  /** Description, as part of a sentence. */
  description: string;
  /** Value, as text. */
  value: string;
  /** Default, as text. */
  default: string;
  /** Value differs from the default. */
  changed: boolean;
}

/** Settings that the page shows elsewhere: what the run is, and where. */
const SHOWN_ELSEWHERE = ["kind", "output"];

/**
 * Settings of a run, in the order of its kind's schema; those that the kind does not know come last.
 *
 * @param config the run's `config.json`
 * @param kind its kind; null for one that this Temper does not know
 */
export function settingsOf(
  config: Record<string, unknown>,
  kind: Pick<RunKind, "schema"> | null,
): Setting[] {
  const shape = kind?.schema.shape ?? {};
  const names = Object.keys(config).filter((name) => !SHOWN_ELSEWHERE.includes(name));
  const known = Object.entries(shape).filter(([name]) => names.includes(name));
  const others = names.filter((name) => !(name in shape));
  return [
    ...known.map(([name, field]) => {
      const info = settingInfo(field as z.ZodType);
      const value = settingText(config[name]);
      const standard = settingText(info.default ?? null);
      const description = info.description ?? "";
      return { name, description, value, default: standard, changed: value !== standard };
    }),
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
  if (typeof value === "number") return formatNumber(value);
  if (Array.isArray(value)) return value.map(settingText).join(", ");
  if (typeof value === "string") return /^\s|\s$|\n/.test(value) ? JSON.stringify(value) : value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
