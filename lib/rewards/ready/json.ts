import { UserError } from "../../errors.ts";
import { ioReason } from "../../platform/io_error.ts";
import { readTextFile } from "../../platform/files.ts";
import type { RewardFunction } from "../reward.ts";

/** A fenced block of code in a response, which models put JSON in. */
const FENCED = /^```(?:json)?\s*\n(.*?)\n?```$/s;

/**
 * Loads a reward of 1 for a response that is JSON as a schema describes it, else 0.
 *
 * @param path file of a JSON schema; empty for any JSON
 * @throws {UserError} when the file cannot be read or is not a schema
 */
export async function jsonReward(path: string): Promise<RewardFunction> {
  const fits = path === "" ? () => true : await validator(path);
  return (samples) =>
    samples.map(({ response }) => {
      const text = response.trim();
      const value = parsed(FENCED.exec(text)?.[1] ?? text);
      return value !== undefined && fits(value) ? 1 : 0;
    });
}

async function validator(path: string): Promise<(value: unknown) => boolean> {
  const { Validator } = await import("../../packages/json_schema.ts");
  let text: string;
  try {
    text = await readTextFile(path);
  } catch (error) {
    throw new UserError(`cannot read the schema ${path}: ${ioReason(error)}`, { cause: error });
  }
  const schema = parsed(text);
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) {
    throw new UserError(`${path} is not a JSON schema: expected a JSON object`);
  }
  const instance = new Validator(schema);
  try {
    instance.validate({});
  } catch (error) {
    throw new UserError(`${path} is not a JSON schema: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return (value) => instance.validate(value).valid;
}

/** Value of a JSON text; undefined where it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
