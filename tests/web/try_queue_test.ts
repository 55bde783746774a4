import assert from "node:assert/strict";
import { RunsFolder } from "../../web/store/runs_folder.ts";
import type { TryEvent } from "../../web/shared/try_events.ts";
import { TryQueue } from "../../web/store/try_queue.ts";
import { withTempDir } from "../temp_dir.ts";

const QUESTION = { text: "text", temperature: 0, chat: null };

Deno.test("TryQueue serves one request at a time, in their order, and drops withdrawn ones", async () => {
  await withTempDir(async (dir) => {
    const queue = new TryQueue(new RunsFolder(dir));
    const log: string[] = [];
    const first = Promise.withResolvers<void>();
    const ask = (name: string, signal = new AbortController().signal) =>
      queue.ask("none", "adapter", QUESTION, async (event: TryEvent) => {
        log.push(`${name} ${event.type}${event.type === "waiting" ? ` ${event.ahead}` : ""}`);
        if (name === "a" && event.type === "running") await first.promise;
      }, signal);
    const withdrawn = new AbortController();
    const all = [ask("a"), ask("b", withdrawn.signal), ask("c")];
    while (log.length < 3) await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual(log, ["a running", "b waiting 1", "c waiting 2"]);
    withdrawn.abort();
    await all[1];
    first.resolve();
    await Promise.all(all);
    // There is no such run: what comes of that is a message for its reader, and the next one's turn.
    assert.deepEqual(log.slice(3), ["c waiting 1", "a failed", "c running", "c failed"]);
    await queue.close();
  });
});

Deno.test("TryQueue refuses more than may wait", async () => {
  await withTempDir(async (dir) => {
    const queue = new TryQueue(new RunsFolder(dir));
    const gate = Promise.withResolvers<void>();
    const { signal } = new AbortController();
    const ends: string[] = [];
    const all = Array.from(
      { length: 9 },
      () =>
        queue.ask("none", "adapter", QUESTION, async (event) => {
          if (event.type === "failed") ends.push(event.reason);
          await gate.promise;
        }, signal),
    );
    while (ends.length === 0) await new Promise((resolve) => setTimeout(resolve));
    assert.match(ends[0], /8 requests are waiting already/);
    gate.resolve();
    await Promise.all(all);
    assert.equal(ends.length, 9);
    await queue.close();
  });
});
