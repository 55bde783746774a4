import assert from "node:assert/strict";
import { startLocalFleet } from "../../lib/cluster/local_fleet.ts";
import { UserError } from "../../lib/errors.ts";
import { hasServer } from "../../scripts/nats_server.ts";

Deno.test({
  name: "a fleet of this machine tells why workers end, and fails with the last one",
  ignore: !hasServer(),
  async fn() {
    const scripts: Record<string, string> = {
      "worker-1": "Deno.kill(Deno.pid, 'SIGKILL'); await new Promise(() => {})",
      "worker-2": "console.error('a reason'); Deno.exit(1)",
    };
    const lines: string[] = [];
    await using fleet = await startLocalFleet({
      workers: 2,
      threads: null,
      workerArgs: (name) => ["eval", scripts[name]],
      info: (line) => lines.push(line),
    });
    assert.match(fleet.url, /^nats:\/\/[0-9a-f]{32}@127\.0\.0\.1:\d+$/);
    const reasons = ["it was killed, as the system does when memory runs out", "a reason"];
    await assert.rejects(
      fleet.failed,
      (error) =>
        error instanceof UserError &&
        reasons.some((reason) => error.message === `all workers have ended: ${reason}`),
    );
    assert.deepEqual(
      lines.sort(),
      reasons.map((reason, i) => `worker-${i + 1} has ended: ${reason}`),
    );
  },
});
