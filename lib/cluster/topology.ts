import { UserError } from "../errors.ts";
import {
  AckPolicy,
  DiscardPolicy,
  type JetStreamManager,
  type KV,
  Kvm,
  type ObjectStore,
  Objm,
  RetentionPolicy,
  StorageType,
} from "../packages/nats.ts";
import type { Connection } from "./connection.ts";
import { isGone } from "./patience.ts";

/**
 * Time after which work goes to another worker if the one that took it sends no heartbeat, in
 * milliseconds. Workers send one every {@linkcode HEARTBEAT_MS}.
 */
const ACK_WAIT_MS = 12_000;
/** Time between heartbeats, in milliseconds. */
export const HEARTBEAT_MS = 3000;
/** Time after which a worker that sends no heartbeat is no longer listed, in milliseconds. */
const PRESENCE_MS = 15_000;
/** Maximum work that waits, in prompts. A trainer waits with more. */
const MAX_WORK = 100_000;
/** Maximum size of a heartbeat, in bytes. */
export const MAX_ENTRY_BYTES = 64 * 1024;
/** Maximum size of the work that waits, in bytes. */
const MAX_WORK_BYTES = 64 * 2 ** 20;
/** Maximum size of the results that wait, in bytes. A worker waits with more. */
const MAX_RESULT_BYTES = 512 * 2 ** 20;
/** Storage that a run's queues reserve on the server, in MiB. Versions of the policy need more. */
export const RESERVED_MIB = (MAX_WORK_BYTES + MAX_RESULT_BYTES) / 2 ** 20;
/** Name of the consumer that all workers share. */
export const CONSUMER = "workers";
/** Names of the buckets of runs, as streams. */
const RUN_STREAM = /^KV_TEMPER_([\w-]+)$/;
const WORKERS_SUFFIX = "-workers";

/** Names of what a run has on a server. */
export interface RunNames {
  /** Id of the run. */
  readonly id: string;
  readonly workStream: string;
  readonly resultStream: string;
  /** Bucket of keys and values, and of adapters. */
  readonly bucket: string;
  /** Bucket of workers, whose entries expire. */
  readonly workersBucket: string;
}

/**
 * Names of what the run of an id has on a server.
 *
 * @throws {UserError} when a run cannot have the id
 */
export function runNames(id: string): RunNames {
  if (!/^[\w-]+$/.test(id)) {
    throw new UserError(
      `${JSON.stringify(id)} is not the id of a run: expected letters, digits, - and _`,
    );
  }
  return {
    id,
    workStream: `TEMPER_${id}_WORK`,
    resultStream: `TEMPER_${id}_RESULTS`,
    bucket: `TEMPER_${id}`,
    workersBucket: `TEMPER_${id}${WORKERS_SUFFIX}`,
  };
}

/** Subject of a prompt's work. */
export function workSubject(id: string, step: number, prompt: number): string {
  return `temper.${id}.work.${step}.${prompt}`;
}

/** Subject of a response. */
export function resultSubject(id: string, step: number, prompt: number, response: number): string {
  return `temper.${id}.result.${step}.${prompt}.${response}`;
}

/** Subject of all responses of a step, or of every step. */
export function stepResults(id: string, step: number | "*"): string {
  return `temper.${id}.result.${step}.*.*`;
}

/** Subject of notices about a step's responses that have been stored. */
export function storedSubject(id: string, step: number): string {
  return `temper.${id}.stored.${step}`;
}

/** Subject of complaints about a worker's results. */
export function refusalSubject(id: string, worker: string): string {
  return `temper.${id}.refused.${worker}`;
}

/** Streams and buckets of a run on a server, opened. */
export interface RunStores {
  readonly names: RunNames;
  /** Entries of the run: settings, lease, versions of the policy. */
  readonly entries: KV;
  /** Workers, by the heartbeats that they sent. */
  readonly workers: KV;
  /** Parameters of the policy, by their digest. */
  readonly policies: ObjectStore;
}

/** Creates what a run needs on a server and does not have there. */
export async function createRunStores({ js, jsm }: Connection, id: string): Promise<RunStores> {
  const names = runNames(id);
  const shared = { storage: StorageType.File, discard: DiscardPolicy.New };
  await createStream(jsm, {
    ...shared,
    name: names.workStream,
    subjects: [`temper.${id}.work.*.*`],
    retention: RetentionPolicy.Workqueue,
    max_msgs: MAX_WORK,
    max_bytes: MAX_WORK_BYTES,
  });
  await createStream(jsm, {
    ...shared,
    name: names.resultStream,
    subjects: [stepResults(id, "*")],
    // The first result of a subject counts: the server refuses a second.
    max_msgs_per_subject: 1,
    discard_new_per_subject: true,
    max_bytes: MAX_RESULT_BYTES,
  });
  await jsm.consumers.add(names.workStream, {
    durable_name: CONSUMER,
    ack_policy: AckPolicy.Explicit,
    ack_wait: ACK_WAIT_MS * 1e6,
    max_ack_pending: MAX_WORK,
  });
  const buckets = new Kvm(js);
  return {
    names,
    entries: await buckets.create(names.bucket, { history: 1 }),
    workers: await buckets.create(names.workersBucket, { history: 1, ttl: PRESENCE_MS }),
    policies: await new Objm(js).create(names.bucket),
  };
}

/** Creates a stream, unless it exists: the server would check for its reserved storage a second time. */
async function createStream(
  jsm: JetStreamManager,
  config: Parameters<JetStreamManager["streams"]["add"]>[0] & { name: string },
): Promise<void> {
  try {
    await jsm.streams.info(config.name);
  } catch (error) {
    if (!isGone(error)) throw error;
    await jsm.streams.add(config);
  }
}

/** Opens what a run has on a server. Fails where it has nothing. */
export async function openRunStores({ js }: Connection, id: string): Promise<RunStores> {
  const names = runNames(id);
  const buckets = new Kvm(js);
  return {
    names,
    entries: await buckets.open(names.bucket),
    workers: await buckets.open(names.workersBucket),
    policies: await new Objm(js).open(names.bucket),
  };
}

/** Consumer through which workers get a run's work. */
export async function workConsumer({ js }: Connection, { workStream }: RunNames) {
  return await js.consumers.get(workStream, CONSUMER);
}

/** Subjects of the messages that a stream holds, as far as they match a filter. */
export async function subjectsIn(
  jsm: JetStreamManager,
  stream: string,
  filter: string,
): Promise<string[]> {
  const { state } = await jsm.streams.info(stream, { subjects_filter: filter });
  return Object.keys(state.subjects ?? {});
}

/** Ids of the runs that have something on a server. */
export async function listRuns(jsm: JetStreamManager): Promise<string[]> {
  const ids: string[] = [];
  for await (const { config: { name } } of jsm.streams.list()) {
    const [, id] = RUN_STREAM.exec(name) ?? [];
    if (id !== undefined && !id.endsWith(WORKERS_SUFFIX)) ids.push(id);
  }
  return ids.sort();
}

/**
 * Removes all that a run has on a server.
 *
 * @throws {UserError} when it has nothing there
 */
export async function removeRun({ js, jsm, address }: Connection, id: string): Promise<void> {
  const { workStream, resultStream, bucket, workersBucket } = runNames(id);
  const streams = [
    workStream,
    resultStream,
    `OBJ_${bucket}`,
    `KV_${workersBucket}`,
    // Last, since a run is listed for as long as this stream exists.
    `KV_${bucket}`,
  ];
  if ((await listRuns(jsm)).includes(id)) {
    // From now on, workers that look for a run do not find this one.
    await (await new Kvm(js).open(bucket)).delete("run");
  }
  let removed = 0;
  for (const stream of streams) {
    try {
      if (await jsm.streams.delete(stream)) removed++;
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  if (removed === 0) throw new UserError(`there is no run ${id} on NATS at ${address}`);
}
