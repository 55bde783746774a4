import assert from "node:assert/strict";
import { freePort, listensSoon } from "../../lib/platform/ports.ts";

Deno.test("a free port can be listened on; a wait for a listener ends when one comes, or is ended", async () => {
  const port = freePort();
  const comes = listensSoon(port);
  {
    using _listener = Deno.listen({ hostname: "127.0.0.1", port });
    assert.equal(await comes, true);
  }
  const end = new AbortController();
  const stays = listensSoon(port, end.signal);
  end.abort();
  assert.equal(await stays, false);
});
