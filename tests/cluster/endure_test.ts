import assert from "node:assert/strict";
import type { Connection } from "../../lib/cluster/connection.ts";
import { patiently } from "../../lib/cluster/endure.ts";
import { runNames } from "../../lib/cluster/topology.ts";

const FULL = new Error("insufficient resources");

/** A connection whose streams are there, or fail with an error. */
function connection(error?: Error): Connection {
  const info = () => error ? Promise.reject(error) : Promise.resolve({});
  return { jsm: { streams: { info } } } as unknown as Connection;
}

/** Tries an action that fails with these errors, one after another, and then succeeds. */
async function attempt(errors: Error[], { at = connection(), signal }: {
  at?: Connection;
  signal?: AbortSignal;
} = {}): Promise<{ attempts: number; told: string[] }> {
  const told: string[] = [];
  const count = errors.length;
  const patience = {
    ...{ names: runNames("run"), pauseMs: 1, signal },
    check: () => signal?.throwIfAborted(),
    full: (reason: string) => told.push(reason),
  };
  await patiently(at, patience, () => {
    const error = errors.shift();
    return error ? Promise.reject(error) : Promise.resolve();
  });
  return { attempts: count - errors.length + 1, told };
}

Deno.test("a server that is away or full is tried again; that it is full is told once", async () => {
  assert.deepEqual(
    await attempt([FULL, new Error("timeout"), FULL]),
    { attempts: 4, told: [FULL.message] },
  );
});

Deno.test("errors that last end the attempts, as does a stream that is gone", async () => {
  const bug = new Error("a bug");
  await assert.rejects(attempt([bug]), (error) => error === bug);
  const gone = new Error("stream not found");
  const at = connection(gone);
  await assert.rejects(attempt([new Error("timeout")], { at }), (error) => error === gone);
});

Deno.test("a stop while the server is full gives the signal's reason, not the server's error", async () => {
  const stop = new AbortController();
  stop.abort();
  const { signal } = stop;
  assert.deepEqual(await attempt([], { signal }), { attempts: 1, told: [] });
  await assert.rejects(attempt([FULL], { signal }), (error) => error === signal.reason);
});
