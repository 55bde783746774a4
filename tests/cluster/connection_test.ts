import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type NatsAddress, parseAddress } from "../../lib/cluster/address.ts";
import { connectNats } from "../../lib/cluster/connection.ts";
import { UserError } from "../../lib/errors.ts";
import { withTempDir } from "../temp_dir.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";

const ignore = !hasServer();
/** A certificate for localhost, its key, and the certificate of who signed it; for these tests alone. */
const TLS = fileURLToPath(new URL("tls", import.meta.url));

/** Message of the error of connecting. */
async function refusal(address: NatsAddress): Promise<string> {
  const error = await connectNats(address, "test").then(
    (connection) => connection[Symbol.asyncDispose]().then(() => null),
    (error) => error,
  );
  assert.ok(error instanceof UserError, String(error));
  return error.message;
}

async function connects(address: NatsAddress): Promise<string> {
  await using connection = await connectNats(address, "test");
  return connection.address;
}

Deno.test("addresses are those of NATS; a password is never repeated", () => {
  assert.deepEqual(parseAddress("tls://me:p%40ss@host"), {
    ...{ scheme: "tls", server: "host:4222", path: "", shown: "tls://host:4222" },
    ...{ user: "me", password: "p@ss" },
  });
  for (const wrong of ["", "host", "http://host", "nats://", "nats:///x", "nats://a b"]) {
    assert.throws(
      () => parseAddress(wrong),
      /is not the address of a NATS server: expected nats:/,
      wrong,
    );
  }
  assert.throws(
    () => parseAddress("redis://me:secret@host"),
    (error: Error) => !error.message.includes("secret"),
  );
  assert.throws(
    () => parseAddress("nats://me:100%secret@host"),
    (error) =>
      error instanceof UserError && /host:4222 has a % .*write %25/.test(error.message) &&
      !error.message.includes("secret"),
  );
});

Deno.test("where nobody answers, or there is no such file, that is said", async () => {
  assert.match(await refusal({ url: "nats://127.0.0.1:1" }), /nobody answers there.*nats-server/);
  const message = await refusal({ url: "nats://me:secret@127.0.0.1:1", creds: "x.creds" });
  assert.match(message, /give one kind of credentials/);
  assert.match(
    await refusal({ url: "nats://127.0.0.1:1", creds: "nowhere.creds" }),
    /cannot read the credentials file nowhere.creds/,
  );
});

Deno.test({
  name: "users and tokens are let in, others are told why not, without their passwords",
  ignore,
  async fn() {
    await withTempDir(async (folder) => {
      const config = join(folder, "nats.conf");
      await Deno.writeTextFile(config, 'authorization { user: "me", password: "p@ss" }\n');
      await withServer(async ({ port }) => {
        assert.equal(
          await connects({ url: `nats://me:p%40ss@127.0.0.1:${port}` }),
          `nats://127.0.0.1:${port}`,
        );
        const wrong = await refusal({ url: `nats://me:secret@127.0.0.1:${port}` });
        assert.match(wrong, /does not accept the user, token, credentials or NKEY/);
        assert.ok(!wrong.includes("secret"));
      }, ["-c", config]);
      await withServer(async ({ port }) => {
        await connects({ url: `nats://word@127.0.0.1:${port}` });
        const url = `nats://127.0.0.1:${port}`;
        assert.match(await refusal({ url, nkey: config }), /the NKEY's file has no seed of a user/);
        assert.match(await refusal({ url, creds: config }), /the credentials file does not have a/);
        assert.match(await refusal({ url: `nats://127.0.0.1:${port}` }), /does not accept/);
      }, ["--auth", "word"]);
    });
  },
});

Deno.test({
  name: "an encrypted connection needs a certificate that an authority at hand has signed",
  ignore,
  async fn() {
    const server = ["--tls", "--tlscert", join(TLS, "cert.pem"), "--tlskey", join(TLS, "key.pem")];
    await withServer(async ({ port }) => {
      const url = `tls://localhost:${port}`;
      await connects({ url, ca: join(TLS, "ca.pem") });
      assert.match(await refusal({ url }), /not one that this machine trusts .*: give the cert/);
    }, server);
  },
});

Deno.test({
  name: "a server without JetStream is told from one with it",
  ignore,
  async fn() {
    await withServer(
      async ({ port }) => {
        assert.match(
          await refusal({ url: `nats://127.0.0.1:${port}` }),
          /no JetStream: start nats-server with -js/,
        );
      },
      [],
      { jetstream: false },
    );
  },
});
