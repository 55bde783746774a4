import { UserError } from "../errors.ts";
import type { Parameters } from "../nn/parameters.ts";
import type { JetStreamManager, ObjectStore } from "../packages/nats.ts";
import { Sha256 } from "../platform/hash.ts";
import type { RunEntry } from "./messages.ts";
import { type RunNames, subjectsIn } from "./topology.ts";

/** Values of a policy's parameters. */
export interface PolicyBytes {
  /** f32 of all parameters, in the order of their names. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Their SHA-256, in hexadecimal: the name of this version of the policy. */
  readonly digest: string;
}

/** Names and shapes of parameters, in their order. */
export function layoutOf(parameters: Parameters): RunEntry["layout"] {
  return parameters.names.map((name) => [name, [...parameters.get(name).shape]]);
}

/** Copies the values of parameters to the host. */
export async function policyBytes(parameters: Parameters): Promise<PolicyBytes> {
  const values = await parameters.readAll();
  const bytes = new Uint8Array(parameters.count * 4);
  let offset = 0;
  for (const { data } of values.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return { bytes, digest: new Sha256().update(bytes).hex() };
}

/** Stores a version of the policy, unless it is stored. It never changes afterwards. */
export async function putPolicy(
  policies: ObjectStore,
  { bytes, digest }: PolicyBytes,
): Promise<void> {
  const found = await policies.info(digest);
  if (found && !found.deleted && found.size === bytes.length) return;
  await policies.putBlob({ name: digest }, bytes);
}

/**
 * Gives parameters the values of a version of the policy. Returns false if the server does not have it.
 *
 * @throws {UserError} when its bytes do not match the digest
 */
export async function takePolicy(
  policies: ObjectStore,
  digest: string,
  parameters: Parameters,
): Promise<boolean> {
  const bytes = new Uint8Array(parameters.count * 4);
  const length = await download(policies, digest, bytes);
  if (length === null) return false;
  const found = new Sha256().update(bytes).hex();
  if (found !== digest || length !== bytes.length) {
    throw new UserError(
      `the policy ${digest.slice(0, 12)} on the server is not what was stored: its digest is ` +
        `${found.slice(0, 12)}, with ${length} bytes of ${bytes.length}`,
    );
  }
  let offset = 0;
  for (const name of parameters.names) {
    const { length } = parameters.get(name);
    parameters.write(name, new Float32Array(bytes.buffer, offset, length));
    offset += length * 4;
  }
  return true;
}

/**
 * Reads an object into memory that is there, however long the object is. Returns the number of bytes up
 * to the first part that exceeds it; null if there is no such object.
 */
async function download(
  objects: ObjectStore,
  name: string,
  into: Uint8Array,
): Promise<number | null> {
  const found = await objects.get(name);
  if (found === null) return null;
  // Reading fails with the same error.
  found.error.catch(() => {});
  // Not every browser has the iteration of streams.
  const reader = found.data.getReader();
  for (let length = 0;;) {
    const { done, value } = await reader.read();
    if (done) return length;
    if (length + value.length > into.length) {
      await reader.cancel();
      return length + value.length;
    }
    into.set(value, length);
    length += value.length;
  }
}

/**
 * Deletes the versions of the policy that are no longer needed, and the markers that the object store
 * keeps of deleted ones, whose number would grow with every step.
 */
export async function forgetPolicies(
  jsm: JetStreamManager,
  { bucket }: RunNames,
  policies: ObjectStore,
  needed: ReadonlySet<string>,
): Promise<void> {
  const stream = `OBJ_${bucket}`;
  const entries = entriesOf(bucket);
  for (const subject of await policySubjects(jsm, bucket)) {
    const name = atob(subject.slice(entries.length).replaceAll("-", "+").replaceAll("_", "/"));
    if (needed.has(name)) continue;
    await policies.delete(name);
    await jsm.streams.purge(stream, { filter: subject });
  }
}

/** Number of versions of the policy that are stored. */
export async function countPolicies(
  jsm: JetStreamManager,
  { bucket }: RunNames,
): Promise<number> {
  return (await policySubjects(jsm, bucket)).length;
}

/** Subjects of the object store's entries. */
async function policySubjects(jsm: JetStreamManager, bucket: string): Promise<string[]> {
  return await subjectsIn(jsm, `OBJ_${bucket}`, `${entriesOf(bucket)}*`);
}

function entriesOf(bucket: string): string {
  return `$O.${bucket}.M.`;
}
