import assert from "node:assert/strict";
import { type PushedFile, pushFiles } from "../../lib/hub/push.ts";
import { requireRepo } from "../../lib/hub/repo.ts";
import type { HubSettings } from "../../lib/hub/settings.ts";
import { etagOf, GRANTED, STRANGER } from "./stand_in_hub.ts";
import { CLOSED_ORGANIZATION } from "./stand_in_uploads.ts";
import { explained, someBytes, utf8, withHub } from "./with_hub.ts";

const SMALL = utf8('{"r": 4}');
/** Large enough for the host of large files. */
const LARGE = someBytes(5000);
const FILES: PushedFile[] = [
  { path: "adapter_config.json", content: new Blob([SMALL]) },
  { path: "adapter_model.safetensors", content: new Blob([LARGE]) },
  { path: "run/metrics.jsonl", content: new Blob([utf8("{}\n")]) },
];
const EXPECTED = {
  "adapter_config.json": SMALL,
  "adapter_model.safetensors": LARGE,
  "run/metrics.jsonl": utf8("{}\n"),
};

/** Pushes the files, to the branch after an `@`. */
function push(
  settings: HubSettings,
  name: string,
  isPrivate = false,
  token: string | null = GRANTED,
) {
  const options = { title: "Upload", private: isPrivate, obsolete: ["adapter_model.bin"] };
  return pushFiles(requireRepo("model", name), FILES, options, { ...settings, token });
}

Deno.test("a push makes the repository, and is one commit with small and large files", async () => {
  await withHub(async ({ hub, settings }) => {
    const { url, commit } = await push(settings, "me/adapter");
    assert.equal(url, `${hub.url}/me/adapter`);
    assert.match(commit, /^[0-9a-f]{40}$/);
    assert.deepEqual(hub.files("models/me/adapter"), EXPECTED);
    const posts = hub.requests.filter(({ method }) => method !== "GET");
    assert.deepEqual(posts.map(({ host, method, path }) => `${host} ${method} ${path}`), [
      "hub POST /api/repos/create",
      "hub POST /api/models/me/adapter/preupload/main",
      "hub POST /me/adapter.git/info/lfs/objects/batch",
      `cdn PUT /lfs/${etagOf(LARGE)}`,
      "hub POST /api/models/me/adapter/commit/main",
    ]);
    // The other host must not see the token.
    assert.equal(posts[3].headers.get("authorization"), null);
  });
});

Deno.test("a push again keeps other files and does not upload the same ones twice", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/me/adapter", {
      "NOTES.md": SMALL,
      "adapter_config.json": utf8("old"),
      "adapter_model.bin": utf8("of no use any more"),
    });
    await push(settings, "me/adapter");
    await push(settings, "me/adapter");
    assert.deepEqual(hub.files("models/me/adapter"), { "NOTES.md": SMALL, ...EXPECTED });
    assert.equal(hub.requests.filter(({ method }) => method === "PUT").length, 1);
    assert.ok(!hub.paths("hub").includes("/api/repos/create"));
  });
});

Deno.test("a branch is made where there is none", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/me/adapter", { "NOTES.md": SMALL });
    for (let time = 0; time < 2; time++) {
      const { url } = await push(settings, "me/adapter@runs/first");
      assert.equal(url, `${hub.url}/me/adapter/tree/runs/first`);
    }
    assert.deepEqual(hub.files("models/me/adapter"), { "NOTES.md": SMALL });
    const files = hub.files("models/me/adapter", "runs/first");
    assert.deepEqual(files, { "NOTES.md": SMALL, ...EXPECTED });
  });
});

Deno.test("what shall be private is not pushed where it is public", async () => {
  await withHub(async ({ hub, settings }) => {
    await push(settings, "me/private", true);
    await push(settings, "me/private", true);
    await assert.rejects(
      push(settings, "me/private", false, STRANGER),
      explained(/^your token may not write to me\/private .* nothing was pushed$/),
    );
    hub.commit("models/me/public", {});
    await assert.rejects(
      push(settings, "me/public", true),
      explained(/^me\/public exists already and is public: leave out .private., or make/),
    );
    assert.deepEqual(hub.files("models/me/public"), {});
  });
});

Deno.test("without a token, with a wrong one, or offline, nothing is pushed", async () => {
  await withHub(async ({ hub, settings }) => {
    const none = push(settings, "me/adapter", false, null);
    await assert.rejects(none, explained(/^there is no token to push with: set HF_TOKEN to one /));
    const other = push(settings, "me/adapter", false, "secret");
    await assert.rejects(other, explained(/^your token does not start with hf_ .*: set HF_TOKEN/));
    const offline = push({ ...settings, offline: true }, "me/adapter");
    await assert.rejects(offline, explained(/^HF_HUB_OFFLINE is set: to push to me\/adapter, /));
    assert.equal(hub.requests.length, 0);
    const wrong = push(settings, "me/adapter", false, "hf_wrong");
    await assert.rejects(
      wrong,
      explained(/does not accept your token.*: set HF_TOKEN to one from/),
    );
    const closed = push(settings, `${CLOSED_ORGANIZATION}/adapter`);
    await assert.rejects(
      closed,
      explained(/^your token may not write to closed\/adapter \(You don/),
    );
    assert.equal(hub.files("models/me/adapter"), null);
  });
});

Deno.test("whatever fails at any request is one line, and the branch stays as it was", async () => {
  const lines: Record<number, RegExp> = {
    400: /^http:\S+ does not accept what was to be pushed to me\/adapter \(why\): .*README\.md/,
    401: /^http:\S+ does not accept your token \(why\): set HF_TOKEN to one from http/,
    403: /^your token may not write to me\/adapter \(why\): .*settings\/tokens/,
    404: /^there is no place for the model me\/adapter on \S+ \(why\): check the name/,
    409: /^me\/adapter was changed or made by someone else meanwhile \(why\): look at /,
    500: /^http:\S+ answered 500 \(why\) to a push to me\/adapter: try again later/,
  };
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/me/adapter", { "NOTES.md": SMALL });
    for (const path of [/\/preupload\//, /\/objects\/batch$/, /\/commit\//]) {
      for (const [status, line] of Object.entries(lines)) {
        hub.fault = (request) =>
          path.test(request.path)
            ? Response.json({ error: "why." }, { status: Number(status) })
            : null;
        await assert.rejects(push(settings, "me/adapter"), explained(line));
        const after = Number(status) >= 500 && path.test("/commit/")
          ? /first look at \S+\/me\/adapter whether the commit arrived$/
          : /; nothing was pushed$/;
        await assert.rejects(push(settings, "me/adapter"), explained(after));
        assert.deepEqual(hub.files("models/me/adapter"), { "NOTES.md": SMALL });
      }
    }
  });
});

Deno.test("a network that fails, and a host that is no Hub, are one line each", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/me/adapter", {});
    hub.fault = ({ method }) => method === "PUT" ? new Response(null, { status: 503 }) : null;
    const storage = push(settings, "me/adapter");
    await assert.rejects(
      storage,
      explained(
        /: localhost:\d+, where large files go, answered 503; check .* nothing was pushed$/,
      ),
    );
    hub.fault = ({ path }) => path.includes("/preupload/") ? new Response("<html>") : null;
    const page = push(settings, "me/adapter");
    await assert.rejects(page, explained(/does not answer as the Hub does when the model me\/ad/));
    assert.deepEqual(hub.files("models/me/adapter"), {});
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const endpoint = `http://127.0.0.1:${listener.addr.port}`;
    listener.close();
    const nowhere = push({ ...settings, endpoint }, "me/adapter");
    await assert.rejects(
      nowhere,
      explained(/^cannot push the model me\/adapter to http\S+: .*refused.* nothing was pushed$/),
    );
  });
});
