import { extname } from "node:path";
import { parse as parseYaml } from "../packages/yaml.ts";
import type { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";
import { ioReason } from "../formats/io_error.ts";
import { decodeUtf8 } from "../formats/utf8.ts";
import { parseSettings } from "./settings.ts";

/**
 * Reads settings from a YAML or JSON file. Names may be written as in `config.json`
 * (`learningRate`), as the command's options (`learning-rate`) or as TRL's (`learning_rate`).
 *
 * @param schema of the settings there are
 * @returns only what the file says, without defaults
 * @throws {UserError} naming the file and what is wrong with it
 */
export async function readConfigFile<T extends z.ZodObject>(
  path: string,
  schema: T,
): Promise<Partial<z.output<T>>> {
  const kind = extname(path).toLowerCase();
  if (![".yaml", ".yml", ".json"].includes(kind)) {
    throw new UserError(`${path}: a configuration file ends in .yaml, .yml or .json`);
  }
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  }
  const text = decodeUtf8(path, bytes);
  let settings: unknown;
  try {
    settings = kind === ".json" ? JSON.parse(text) : parseYaml(text) ?? {};
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    const format = kind === ".json" ? "JSON" : "YAML";
    throw new UserError(`${path} is not valid ${format}: ${reason}`, { cause: error });
  }
  const named = isRecord(settings) ? withSettingNames(path, settings) : settings;
  const resolved = parseSettings(schema, named, path);
  // Only what the file says: defaults come after the options have had their say.
  return Object.fromEntries(
    Object.entries(resolved).filter(([name]) => Object.hasOwn(named as object, name)),
  ) as Partial<z.output<T>>;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function withSettingNames(path: string, settings: Record<string, unknown>): object {
  const named: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    const name = key.replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (Object.hasOwn(named, name)) throw new UserError(`${path}: ${name} is there twice`);
    named[name] = value;
  }
  return named;
}
