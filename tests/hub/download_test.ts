import assert from "node:assert/strict";
import { join } from "node:path";
import { downloadRepo } from "../../lib/hub/download.ts";
import { requireRepo } from "../../lib/hub/repo.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { demoModelDir } from "../demo_model.ts";
import { withDevice } from "../device.ts";
import { etagOf, type Files, filesOf, GRANTED, STRANGER } from "./stand_in_hub.ts";
import { explained, someBytes, utf8, withHub } from "./with_hub.ts";

const demo = filesOf(demoModelDir);
const model = requireRepo("model", "google/flan-t5-tiny");
const small: Files = { "config.json": utf8("{}"), "model.safetensors": someBytes(5000) };

Deno.test("a model: the cache is laid out as Python's, blobs are called by their ETags", async () => {
  await withHub(async ({ hub, settings, inCache }) => {
    const commit = hub.commit("models/google/flan-t5-tiny", demo);
    const folder = await downloadRepo(model, {}, settings);
    const root = inCache("models--google--flan-t5-tiny");
    assert.equal(folder, join(root, "snapshots", commit));
    assert.equal(Deno.readTextFileSync(join(root, "refs/main")), commit);
    assert.deepEqual(filesOf(folder), demo);
    for (const [name, bytes] of Object.entries(demo)) {
      assert.equal(Deno.readLinkSync(join(folder, name)), `../../blobs/${etagOf(bytes)}`);
    }
    const blobs = Object.values(demo).map(etagOf).sort();
    assert.deepEqual([...Deno.readDirSync(join(root, "blobs"))].map((b) => b.name).sort(), blobs);
    await withDevice(async (device) => {
      await loadLanguageModel(device, folder);
    });
  });
});

Deno.test("large files come from another host, by a redirect, and the token does not go there", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/google/flan-t5-tiny", demo);
    await downloadRepo(model, {}, { ...settings, token: GRANTED });
    const large = Object.values(demo).filter((bytes) => bytes.length >= 1000);
    assert.ok(large.length > 0 && large.length < Object.keys(demo).length);
    const expected = large.map((bytes) => `/repos/${etagOf(bytes)}`).sort();
    assert.deepEqual(hub.paths("cdn").sort(), expected);
    for (const { host, headers } of hub.requests) {
      assert.equal(headers.get("authorization"), host === "hub" ? `Bearer ${GRANTED}` : null);
    }
  });
});

Deno.test("a second download asks only whether the revision moved", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/google/flan-t5-tiny", small);
    const folder = await downloadRepo(model, {}, settings);
    hub.requests.length = 0;
    const downloading = () => assert.fail("nothing is missing");
    assert.equal(await downloadRepo(model, { downloading }, settings), folder);
    assert.ok(hub.requests.every(({ path }) => /^\/api\/models\/.*\/(revision|tree)/.test(path)));
  });
});

Deno.test("files that Python left in the cache are used", async () => {
  await withHub(async ({ hub, settings, inCache }) => {
    const commit = hub.commit("models/google/flan-t5-tiny", small);
    const root = inCache("models--google--flan-t5-tiny");
    const blob = etagOf(small["model.safetensors"]);
    Deno.mkdirSync(join(root, "blobs"), { recursive: true });
    Deno.writeFileSync(join(root, "blobs", blob), small["model.safetensors"]);
    const folder = await downloadRepo(model, {}, settings);
    assert.deepEqual(filesOf(folder), small);
    assert.deepEqual(hub.paths("cdn"), []);
    assert.equal(folder, join(root, "snapshots", commit));
  });
});

Deno.test("a revision that moved: the ref follows, files in common stay, the old snapshot too", async () => {
  await withHub(async ({ hub, settings, inCache }) => {
    const first = hub.commit("models/google/flan-t5-tiny", small);
    const before = await downloadRepo(model, {}, settings);
    const changed = { ...small, "config.json": utf8('{"new": 1}') };
    const second = hub.commit("models/google/flan-t5-tiny", changed);
    const after = await downloadRepo(model, {}, settings);
    assert.notEqual(first, second);
    assert.deepEqual(filesOf(before), small);
    assert.deepEqual(filesOf(after), changed);
    const ref = inCache("models--google--flan-t5-tiny/refs/main");
    assert.equal(Deno.readTextFileSync(ref), second);
    assert.equal(hub.paths("cdn").length, 1);
    // The old commit can still be asked for by its hash, also without a network.
    const pinned = { ...model, revision: first };
    assert.equal(await downloadRepo(pinned, {}, settings), before);
    assert.equal(await downloadRepo(pinned, {}, { ...settings, offline: true }), before);
  });
});

Deno.test("a branch with a slash in its name", async () => {
  await withHub(async ({ hub, settings, inCache }) => {
    const commit = hub.commit("models/google/flan-t5-tiny", small, { branch: "refs/pr/1" });
    await downloadRepo({ ...model, revision: "refs/pr/1" }, {}, settings);
    const ref = inCache("models--google--flan-t5-tiny/refs/refs/pr/1");
    assert.equal(Deno.readTextFileSync(ref), commit);
  });
});

Deno.test("a dataset's tables, in folders too, and a listing of several pages", async () => {
  await withHub(async ({ hub, settings, inCache }) => {
    const parts = Array.from({ length: 9 }, (_, i) => [`data/train-${i}.csv`, utf8(`a\n${i}`)]);
    const tables: Files = { ...Object.fromEntries(parts), "test é.csv": utf8("a\n1") };
    const commit = hub.commit("datasets/knk/dialogsum", { ...tables, "README.md": utf8("#") });
    const repo = requireRepo("dataset", "knk/dialogsum");
    const folder = await downloadRepo(repo, {}, settings);
    assert.equal(folder, inCache(`datasets--knk--dialogsum/snapshots/${commit}`));
    for (const [path, bytes] of Object.entries(tables)) {
      assert.deepEqual(Deno.readFileSync(join(folder, path)), bytes);
    }
    assert.equal([...Deno.readDirSync(folder)].length, 2);
  });
});

Deno.test("progress: from nothing to all, over all files", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/google/flan-t5-tiny", demo);
    const total = Object.values(demo).reduce((sum, bytes) => sum + bytes.length, 0);
    const seen: number[] = [];
    await downloadRepo(model, {
      downloading(progress) {
        assert.deepEqual({ ...progress, loaded: 0 }, {
          repo: "google/flan-t5-tiny",
          loaded: 0,
          total,
        });
        seen.push(progress.loaded);
      },
    }, settings);
    assert.equal(seen[0], 0);
    assert.equal(seen.at(-1), total);
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
  });
});

for (
  const [title, access, token, pattern] of [
    [
      "missing or private, no token",
      "private",
      null,
      /^cannot find the model .*, neither as a folder here nor on http.*private, set HF_TOKEN to/,
    ],
    ["private, another's token", "private", STRANGER, /^cannot find .*your token's account may r/],
    [
      "gated, no token",
      "gated",
      null,
      /is gated: accept its conditions on http:.*\/google\/flan-t5-tiny, then set HF_TOKEN/,
    ],
    ["gated, no access yet", "gated", STRANGER, /is gated, and the account of your token has none/],
    ["a token that is none", "public", "hf_typo", /does not accept your token: set HF_TOKEN to/],
  ] as const
) {
  Deno.test(`401, 403, 404: ${title}`, async () => {
    await withHub(async ({ hub, settings }) => {
      hub.commit("models/google/flan-t5-tiny", small, { access });
      await assert.rejects(downloadRepo(model, {}, { ...settings, token }), explained(pattern));
      assert.ok(hub.requests.length < 6, "a refusal is not tried again");
    });
  });
}

for (const access of ["gated", "private"] as const) {
  Deno.test(`a ${access} repository with a token that may read it`, async () => {
    await withHub(async ({ hub, settings }) => {
      hub.commit("models/google/flan-t5-tiny", small, { access });
      await downloadRepo(model, {}, { ...settings, token: GRANTED });
    });
  });
}

Deno.test("403 for a token without the right, 404 for a revision, another answer altogether", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/google/flan-t5-tiny", small);
    await assert.rejects(
      downloadRepo({ ...model, revision: "v9" }, {}, settings),
      explained(/^google\/flan-t5-tiny has no revision v9: choose/),
    );
    const message = { headers: { "x-error-message": "Not for you" } };
    hub.fault = () => new Response(null, { status: 403, ...message });
    await assert.rejects(
      downloadRepo(model, {}, { ...settings, token: GRANTED }),
      explained(/does not let you read the model .* \(Not for you\): give your token the right/),
    );
    hub.fault = () => new Response(null, { status: 418 });
    await assert.rejects(downloadRepo(model, {}, settings), explained(/answered 418 when asked/));
    hub.fault = () => new Response("<html>Log in to this Wi-Fi</html>");
    await assert.rejects(
      downloadRepo(model, {}, settings),
      explained(/does not answer as the Hub does .*: check HF_ENDPOINT and HTTPS_PROXY/),
    );
  });
});

Deno.test("a repository without anything of use", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/google/flan-t5-tiny", { "README.md": utf8("#") });
    const pattern =
      /^google\/flan-t5-tiny has no file that can be used \(a model's .*\), only README\.md$/;
    await assert.rejects(downloadRepo(model, {}, settings), explained(pattern));
  });
});

Deno.test("offline: the cache alone, and what to do when it is not enough", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/google/flan-t5-tiny", small);
    const offline = { ...settings, offline: true };
    const pattern =
      /^HF_HUB_OFFLINE is set and the model .* is not in the cache \(.*models--google/;
    await assert.rejects(downloadRepo(model, {}, offline), explained(pattern));
    assert.equal(hub.requests.length, 0);
    const folder = await downloadRepo(model, {}, settings);
    hub.requests.length = 0;
    assert.equal(await downloadRepo(model, {}, offline), folder);
    assert.equal(hub.requests.length, 0);
  });
});

Deno.test("a hub that is not there: the cache's version with a notice, else what to check", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/google/flan-t5-tiny", small);
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const nobody = { ...settings, endpoint: `http://127.0.0.1:${listener.addr.port}` };
    listener.close();
    const pattern =
      /^cannot download the model google\/flan-t5-tiny from http:\/\/127\.0\.0\.1:\d+: client error \(Connect\): .*refused.*; check the network/;
    await assert.rejects(downloadRepo(model, {}, nobody), explained(pattern));
    const folder = await downloadRepo(model, {}, settings);
    const notices: string[] = [];
    const outdated = (notice: string) => void notices.push(notice);
    assert.equal(await downloadRepo(model, { outdated }, nobody), folder);
    assert.equal(notices.length, 1);
    assert.match(
      notices[0],
      /until then, the model google\/flan-t5-tiny is the one in .*snapshots/,
    );
  });
});

for (
  const path of ["../evil.json", "a/../../evil.json", "/etc/evil.json", "a\\..\\evil.json", "C:x"]
) {
  Deno.test(`a path that tries to leave the cache: ${path}`, async () => {
    await withHub(async ({ hub, settings, inCache }) => {
      hub.commit("models/google/flan-t5-tiny", { ...small, [path]: utf8("{}") });
      const pattern = /has a file called .*, which would lead out of the cache: nothing was downl/;
      await assert.rejects(downloadRepo(model, {}, settings), explained(pattern));
      assert.deepEqual([...Deno.readDirSync(inCache("."))], []);
    });
  });
}

Deno.test("hashes that would be paths are refused, too", async () => {
  await withHub(async ({ hub, settings, inCache }) => {
    hub.commit("models/google/flan-t5-tiny", small);
    const pattern = /does not answer as the Hub does/;
    hub.fault = ({ path }) =>
      path.includes("/revision/") ? Response.json({ sha: "../../x" }) : null;
    await assert.rejects(downloadRepo(model, {}, settings), explained(pattern));
    const entry = { type: "file", path: "config.json", size: 2, oid: "../../x" };
    hub.fault = ({ path }) => path.includes("/tree/") ? Response.json([entry]) : null;
    await assert.rejects(downloadRepo(model, {}, settings), explained(pattern));
    assert.deepEqual([...Deno.readDirSync(inCache("."))], []);
  });
});

Deno.test("where there are no links, files are copied", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/google/flan-t5-tiny", small);
    const { symlink } = Deno;
    Deno.symlink = () => Promise.reject(new Deno.errors.NotSupported());
    try {
      const folder = await downloadRepo(model, {}, settings);
      assert.deepEqual(filesOf(folder), small);
      assert.ok(Deno.lstatSync(join(folder, "config.json")).isFile);
    } finally {
      Deno.symlink = symlink;
    }
  });
});

Deno.test("a cache that cannot be written", async () => {
  await withHub(async ({ hub, settings, inCache }) => {
    hub.commit("models/google/flan-t5-tiny", small);
    Deno.mkdirSync(inCache("models--google--flan-t5-tiny"));
    Deno.writeTextFileSync(inCache("models--google--flan-t5-tiny/blobs"), "");
    const pattern = /^cannot write to the cache, .*: .*; HF_HOME names another place for it$/;
    await assert.rejects(downloadRepo(model, {}, settings), explained(pattern));
  });
});
