import { basename, join } from "node:path";
import { UserError } from "../errors.ts";
import { z } from "../packages/zod.ts";
import { writeFileAtomic } from "../platform/atomic_write.ts";
import { readTextIfThere } from "../platform/optional_text.ts";

/** File in the run's folder with its id on the server. */
export const FLEET_FILE = "fleet.json";

const schema = z.object({ id: z.string().regex(/^[\w-]{1,80}$/) });

/**
 * Id of a run on servers: that in its folder, else a new one, which is written there.
 *
 * @throws {UserError} when the folder's file is broken
 */
export async function fleetId(folder: string): Promise<string> {
  const path = join(folder, FLEET_FILE);
  const text = await readTextIfThere(path);
  if (text !== null) {
    const parsed = schema.safeParse(jsonOf(text));
    if (parsed.success) return parsed.data.id;
    throw new UserError(`${path} is broken: delete it, and the run gets a new id`);
  }
  const name = basename(folder).replaceAll(/[^\w-]+/g, "-").slice(0, 60);
  const id = `${name}-${crypto.getRandomValues(new Uint8Array(3)).toHex()}`;
  await writeFileAtomic(path, JSON.stringify({ id }) + "\n");
  return id;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
