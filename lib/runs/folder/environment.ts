import { z } from "../../packages/zod.ts";
import settings from "../../../deno.json" with { type: "json" };
import type { Device } from "../../device/device.ts";
import { SourceChangedError } from "../../errors.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { isNotFound, readTextFile } from "../../platform/files.ts";
import { gitCommit, programFacts } from "../../platform/program.ts";

const sessionSchema = z.object({
  /** Time of its start, ISO 8601. */
  started: z.string(),
  /** Steps done before it. */
  step: z.int().nonnegative(),
  /** Steps of the whole run; runs of early versions lack it. */
  steps: z.int().nonnegative().optional(),
  /** Arguments of the command line. */
  command: z.array(z.string()),
  /** Versions of Temper, Deno, V8 and TypeScript. */
  versions: z.record(z.string(), z.string()),
  /** Machine. */
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  /** Device that computed. */
  device: z.object({
    kind: z.string(),
    description: z.string(),
    limits: z.record(z.string(), z.number()),
  }),
  /** Commit of the working folder's Git repository; `dirty` with changes on top. */
  git: z.object({ commit: z.string(), dirty: z.boolean() }).nullable(),
  /** SHA-256 of what the run was made from, such as model and dataset. */
  fingerprints: z.record(z.string(), z.string()),
});

/** Surroundings of one process of a run: an entry of `environment.json`. */
export type Session = z.output<typeof sessionSchema>;

/** Describes this process. */
export async function describeSession(
  device: Device,
  { step, steps, fingerprints }: Pick<Session, "step" | "steps" | "fingerprints">,
): Promise<Session> {
  const { maxBindingBytes } = device;
  const { command, versions, machine } = programFacts();
  return {
    started: new Date().toISOString(),
    step,
    steps,
    command,
    versions: { temper: settings.version, ...versions },
    machine,
    device: {
      kind: device.kind,
      description: device.description,
      limits: Number.isFinite(maxBindingBytes) ? { maxBindingBytes } : {},
    },
    git: await gitCommit(),
    fingerprints,
  };
}

/**
 * Checks that a run goes on with what it started with.
 *
 * @throws {SourceChangedError} naming the model, the adapter, the dataset, the chat template or the
 *   reward that has changed or is gone
 */
export function checkFingerprints(
  sessions: readonly Session[],
  { fingerprints }: Pick<Session, "fingerprints">,
): void {
  const started = sessions[0]?.fingerprints ?? {};
  for (const name of Object.keys({ ...fingerprints, ...started })) {
    // A run of an earlier version has fewer of them.
    if ((started[name] ?? fingerprints[name]) === fingerprints[name]) continue;
    throw new SourceChangedError(
      `the ${name} has changed since the run started: put it back as it was, or start a new run`,
    );
  }
}

/** Writes `environment.json`. @throws {UserError} when it cannot be written */
export async function writeSessions(path: string, sessions: readonly Session[]): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(sessions, null, 2) + "\n");
}

/**
 * Reads `environment.json`; a run without one, or with a broken one, has no sessions.
 *
 * @param info told when it is broken, and what follows from that
 */
export async function readSessions(
  path: string,
  info: (line: string) => void,
): Promise<Session[]> {
  try {
    return z.array(sessionSchema).parse(JSON.parse(await readTextFile(path)));
  } catch (error) {
    if (!isNotFound(error)) {
      info(
        `${path} is broken: it is begun anew, and whether model, data and rewards are those that ` +
          "the run started with cannot be told",
      );
    }
    return [];
  }
}
