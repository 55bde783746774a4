import assert from "node:assert/strict";
import { connectNats } from "../../lib/cluster/connection.ts";
import {
  countPolicies,
  forgetPolicies,
  putPolicy,
  takePolicy,
} from "../../lib/cluster/policy_objects.ts";
import { createRunStores } from "../../lib/cluster/topology.ts";
import { UserError } from "../../lib/errors.ts";
import type { Parameters } from "../../lib/nn/parameters.ts";
import { Sha256 } from "../../lib/platform/hash.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";

/** Parameters of these lengths, and the values that are written to them. */
function parametersOf(lengths: Record<string, number>) {
  const written: Record<string, number[]> = {};
  const parameters = {
    names: Object.keys(lengths),
    count: Object.values(lengths).reduce((sum, length) => sum + length, 0),
    get: (name: string) => ({ length: lengths[name] }),
    write: (name: string, data: Float32Array) => written[name] = [...data],
  };
  return { written, parameters: parameters as unknown as Parameters };
}

function policyOf(values: number[]) {
  const bytes = new Uint8Array(Float32Array.from(values).buffer);
  return { bytes, digest: new Sha256().update(bytes).hex() };
}

Deno.test({
  name: "a policy is stored under its digest, and taken only if its bytes have that",
  ignore: !hasServer(),
  async fn() {
    await withServer(async ({ url }) => {
      await using connection = await connectNats({ url }, "test");
      const { policies, names } = await createRunStores(connection, "run");
      const { parameters, written } = parametersOf({ a: 1, b: 2 });
      const policy = policyOf([1, 2, 3]);
      assert.equal(await takePolicy(policies, policy.digest, parameters), false);
      await putPolicy(policies, policy);
      assert.equal(await takePolicy(policies, policy.digest, parameters), true);
      assert.deepEqual(written, { a: [1], b: [2, 3] });

      // Nobody's memory is for an object of any size.
      const wrong = {
        other: policyOf([1, 2, 4]),
        short: policyOf([1]),
        long: policyOf([1, 2, 3, 4]),
      };
      const huge = policyOf(new Array(1e5).fill(0));
      for (const { bytes, digest } of [...Object.values(wrong), huge]) {
        const name = bytes.length === 12 ? policyOf([0]).digest : digest;
        await policies.putBlob({ name }, bytes);
        await assert.rejects(
          takePolicy(policies, name, parameters),
          (error) =>
            error instanceof UserError && /is not what was stored: .* of 12$/.test(error.message),
        );
      }
      assert.deepEqual(written, { a: [1], b: [2, 3] });
      assert.equal(await countPolicies(connection.jsm, names), 5);
      await forgetPolicies(connection.jsm, names, policies, new Set([policy.digest]));
      assert.equal(await countPolicies(connection.jsm, names), 1);
      assert.equal(await takePolicy(policies, policy.digest, parameters), true);
    });
  },
});
