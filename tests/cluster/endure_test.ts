import assert from "node:assert/strict";
import type { Connection } from "../../lib/cluster/connection.ts";
import { Outage, patiently } from "../../lib/cluster/endure.ts";
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
    outage: new Outage("host", "it", (line) => told.push(line)),
    check: () => signal?.throwIfAborted(),
  };
  await patiently(at, patience, () => {
    const error = errors.shift();
    return error ? Promise.reject(error) : Promise.resolve();
  });
  return { attempts: count - errors.length + 1, told };
}

Deno.test("a server that is away or full is tried again; that it is full is told once", async () => {
  assert.deepEqual(await attempt([FULL, new Error("timeout"), FULL]), {
    attempts: 4,
    told: [
      "NATS at host has no room (insufficient resources): it waits until other runs have ended, " +
      "or max_file_store is raised",
      "NATS at host is back: it goes on",
    ],
  });
  assert.deepEqual(await attempt([new Error("timeout")]), { attempts: 2, told: [] });
});

Deno.test("a server that does not answer for ten seconds is told of once, and when it is back", () => {
  const told: string[] = [];
  const outage = new Outage("host", "it", (line) => told.push(line));
  const { now } = performance;
  let seconds = 0;
  performance.now = () => seconds * 1000;
  try {
    for (seconds of [0, 9]) outage.met(new Error("timeout"));
    outage.over();
    for (seconds of [10, 19]) outage.met(new Error("timeout"));
    assert.deepEqual(told, []);
    for (seconds of [20, 40]) outage.met(new Error("timeout"));
    assert.equal(told.length, 1);
    assert.match(told[0], /^NATS at host does not answer \(timeout\): it waits/);
    outage.over();
    assert.match(told[1], /is back/);
    outage.met(new Error("write x: no space left on device"));
    assert.match(told[2], /^NATS at host has a full disk \(write x: .*\): it waits; make room/);
    assert.equal(told.length, 3);
  } finally {
    performance.now = now;
  }
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
