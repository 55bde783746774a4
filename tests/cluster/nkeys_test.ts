import assert from "node:assert/strict";
import { join } from "node:path";
import { createAccount, createOperator, createUser, type KeyPair } from "@nats-io/nkeys";
import { connectNats } from "../../lib/cluster/connection.ts";
import { withTempDir } from "../temp_dir.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";

const ignore = !hasServer();

/** A token of NATS (https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt). */
function jwt(issuer: KeyPair, subject: KeyPair, nats: object): string {
  const part = (value: object) => new TextEncoder().encode(JSON.stringify(value)).toBase64(BASE64);
  const claims = {
    ...{ jti: crypto.randomUUID(), iat: 1, iss: issuer.getPublicKey(), name: "test" },
    ...{ sub: subject.getPublicKey(), nats: { version: 2, ...nats } },
  };
  const text = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part(claims)}`;
  return `${text}.${issuer.sign(new TextEncoder().encode(text)).toBase64(BASE64)}`;
}

const BASE64 = { alphabet: "base64url", omitPadding: true } as const;

Deno.test({
  name: "the seed of an NKEY in a file lets its user in, and no other",
  ignore,
  async fn() {
    await withTempDir(async (folder) => {
      const [user, stranger] = [createUser(), createUser()];
      const [nkey, other, config] = ["nkey", "other", "nats.conf"].map((name) =>
        join(folder, name)
      );
      await Deno.writeTextFile(nkey, new TextDecoder().decode(user.getSeed()) + "\n");
      await Deno.writeTextFile(other, new TextDecoder().decode(stranger.getSeed()));
      await Deno.writeTextFile(
        config,
        `authorization { users: [{ nkey: ${user.getPublicKey()} }] }\n`,
      );
      await withServer(async ({ url }) => {
        await (await connectNats({ url, nkey }, "test"))[Symbol.asyncDispose]();
        await using _ = await connectNats({ url, nkey: user.getSeed() }, "test");
        await assert.rejects(connectNats({ url, nkey: other }, "test"), /does not accept/);
      }, ["-c", config]);
    });
  },
});

Deno.test({
  name: "a credentials file lets its user in",
  ignore,
  async fn() {
    await withTempDir(async (folder) => {
      const [operator, account, user] = [createOperator(), createAccount(), createUser()];
      const all = { subs: -1, data: -1, payload: -1 };
      const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
      const limits = { ...all, ...storage, conn: -1, leaf: -1, imports: -1, exports: -1 };
      const operatorJwt = jwt(operator, operator, { type: "operator" });
      const accountJwt = jwt(operator, account, {
        type: "account",
        limits: { ...limits, wildcards: true },
      });
      // With JetStream, a server in operator mode needs one.
      const system = createAccount();
      const systemJwt = jwt(operator, system, { type: "account", limits: { ...all, conn: -1 } });
      const userJwt = jwt(account, user, { type: "user", pub: {}, sub: {}, ...all });
      const [creds, config] = ["user.creds", "nats.conf"].map((name) => join(folder, name));
      await Deno.writeTextFile(
        creds,
        `-----BEGIN NATS USER JWT-----\n${userJwt}\n------END NATS USER JWT------\n\n` +
          `-----BEGIN USER NKEY SEED-----\n${new TextDecoder().decode(user.getSeed())}\n` +
          "------END USER NKEY SEED------\n",
      );
      await Deno.writeTextFile(
        config,
        `operator: ${operatorJwt}\nresolver: MEMORY\n` +
          `resolver_preload: {\n  ${account.getPublicKey()}: ${accountJwt}\n  ` +
          `${system.getPublicKey()}: ${systemJwt}\n}\nsystem_account: ${system.getPublicKey()}\n`,
      );
      await withServer(async ({ url }) => {
        await (await connectNats({ url, creds }, "test"))[Symbol.asyncDispose]();
        await using _ = await connectNats({ url, creds: await Deno.readFile(creds) }, "test");
        await assert.rejects(connectNats({ url }, "test"), /does not accept/);
      }, ["-c", config]);
    });
  },
});
