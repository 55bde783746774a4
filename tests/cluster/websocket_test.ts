import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { work } from "../../mod.ts";
import { type NatsAddress, parseAddress } from "../../lib/cluster/address.ts";
import { connectNats } from "../../lib/cluster/connection.ts";
import { listRuns } from "../../lib/cluster/topology.ts";
import { UserError } from "../../lib/errors.ts";
import { hasServer } from "../../scripts/nats_server.ts";
import { ONE_USER, withSocketServer } from "./socket_server.ts";
import { results, train } from "./workers.ts";
import { NatsFleet } from "../../lib/cluster/fleet.ts";

const ignore = !hasServer();
const TLS = fileURLToPath(new URL("tls", import.meta.url));

/** Message of the error of connecting. */
async function refusal(address: NatsAddress): Promise<string> {
  const error = await connectNats(address, "test").then(
    (connection) => connection[Symbol.asyncDispose](),
    (error) => error,
  );
  assert.ok(error instanceof UserError, String(error));
  return error.message;
}

Deno.test("addresses of WebSockets have the ports of the web, and may have a path", () => {
  assert.deepEqual(parseAddress("wss://me:word@example.com/nats"), {
    ...{ scheme: "wss", server: "example.com:443", path: "/nats" },
    ...{ user: "me", password: "word", shown: "wss://example.com:443/nats" },
  });
  assert.equal(parseAddress("ws://localhost:8080/").shown, "ws://localhost:8080");
  assert.equal(parseAddress("ws://localhost").server, "localhost:80");
});

Deno.test({
  name: "a trainer and its worker by WebSocket alone: the files of one machine",
  ignore,
  async fn() {
    await withSocketServer(async ({ socket }, folder) => {
      const url = socket.replace("//", "//me:p%40ss@");
      await train("ppo", join(folder, "one"), { steps: 2 });
      const lines: string[] = [];
      const stop = new AbortController();
      const device = { device: "wasm", threads: 1 } as const;
      const working = work({ url }, { ...device, name: "socket", signal: stop.signal }, {
        info: (line) => lines.push(line),
      });
      const fleet = await NatsFleet.connect({ url }, "temper work");
      await train("ppo", join(folder, "two"), { steps: 2 }, { fleet });
      stop.abort();
      await working;
      assert.deepEqual(await results(join(folder, "two")), await results(join(folder, "one")));
      assert.equal(lines[0], `worker socket at ${socket}`);
      assert.match(await refusal({ url: socket.replace("//", "//me:no@") }), /does not accept/);
    }, ONE_USER);
  },
});

Deno.test({
  name: "an encrypted WebSocket needs a certificate that an authority at hand has signed",
  ignore,
  async fn() {
    const [cert, key, ca] = ["cert.pem", "key.pem", "ca.pem"].map((name) => join(TLS, name));
    await withSocketServer(
      async ({ socket }) => {
        await using connection = await connectNats({ url: socket, ca }, "test");
        assert.deepEqual(await listRuns(connection.jsm), []);
        assert.match(
          await refusal({ url: socket }),
          /its certificate is not one that this machine trusts/,
        );
      },
      "",
      `cert_file: ${JSON.stringify(cert)}, key_file: ${JSON.stringify(key)}`,
    );
  },
});

Deno.test({
  name: "a port without a WebSocket, and a certificate for what is not encrypted, are told",
  ignore,
  async fn() {
    await withSocketServer(async ({ port, socket }) => {
      assert.match(
        await refusal({ url: `ws://127.0.0.1:${port}` }),
        /^cannot use NATS at ws:\S+: no WebSocket answers there .*with a websocket listener/,
      );
      assert.match(await refusal({ url: "ws://127.0.0.1:1" }), /no WebSocket answers there/);
      assert.match(
        await refusal({ url: socket, ca: join(TLS, "ca.pem") }),
        /a certificate is for encrypted connections/,
      );
    });
  },
});
