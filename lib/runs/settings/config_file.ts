import { extname } from "../../platform/paths.ts";
import { parse as parseYaml, YAMLParseError } from "../../packages/yaml.ts";
import type { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { ioReason } from "../../platform/io_error.ts";
import { decodeUtf8 } from "../../formats/utf8.ts";
import { parseSettings, withSettingNames } from "../../settings/settings.ts";
import { readFile } from "../../platform/files.ts";

/**
 * Reads settings from a YAML or JSON file. Names may be written as in `config.json`
 * (`learningRate`), as the command's options (`learning-rate`) or as TRL's (`learning_rate`).
 *
 * @param schema schema of the settings; a function chooses one by the content of the file
 * @returns only what the file says, without defaults
 * @throws {UserError} naming the file and what is wrong with it
 */
export async function readConfigFile<T extends z.ZodObject>(
  path: string,
  schema: T | ((settings: object) => T),
): Promise<Partial<z.output<T>>> {
  const settings = await readSettings(path);
  const chosen = typeof schema === "function" ? schema(Object(settings)) : schema;
  const resolved = parseSettings(chosen, settings, path);
  const { keys } = withSettingNames(chosen, settings, path);
  // Only what the file says: defaults come after the options have had their say.
  return Object.fromEntries(
    Object.entries(resolved).filter(([name]) => keys.has(name)),
  ) as Partial<z.output<T>>;
}

/**
 * Reads how a YAML or JSON file spells the names of its settings.
 *
 * @returns the spelling by the schema's name
 * @throws {UserError} when the file cannot be read
 */
export async function configFileKeys(
  path: string,
  schema: z.ZodObject,
): Promise<ReadonlyMap<string, string>> {
  return withSettingNames(schema, await readSettings(path), path).keys;
}

async function readSettings(path: string): Promise<unknown> {
  const kind = extname(path).toLowerCase();
  if (![".yaml", ".yml", ".json"].includes(kind)) {
    throw new UserError(`${path}: a configuration file ends in .yaml, .yml or .json`);
  }
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  }
  const text = decodeUtf8(path, bytes);
  return kind === ".json" ? parseJson(path, text) : parseYamlFile(path, text) ?? {};
}

function parseJson(path: string, text: string): unknown {
  try {
    const settings: unknown = JSON.parse(text);
    // JSON.parse takes the last of several values of a name; JSON is YAML, where that is an error.
    parseYamlFile(path, text);
    return settings;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = text.trim() === "" ? "it is empty" : (error as Error).message;
    throw new UserError(`${path} is not valid JSON: ${reason}`, { cause: error });
  }
}

function parseYamlFile(path: string, text: string): unknown {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YAMLParseError)) {
      // Aliases that stand for ever more, or lists in lists without end.
      const reason = error instanceof RangeError
        ? "its lists or objects are too deep in one another"
        : (error as Error).message;
      throw new UserError(`${path} is not valid YAML: ${reason}`, { cause: error });
    }
    if (error.code === "DUPLICATE_KEY") {
      const [, key] = /^["']?([^"':\n]+)/.exec(text.slice(error.pos[0])) ?? [];
      const line = error.linePos?.[0].line;
      throw new UserError(`${path}: ${key} appears twice, the second time in line ${line}`, {
        cause: error,
      });
    }
    const [reason] = error.message.replace(/; please use YAML\.\w+\(\)/, "").split(/:?\n/);
    throw new UserError(`${path} is not valid YAML: ${reason}`, { cause: error });
  }
}
