import assert from "node:assert/strict";
import { join } from "node:path";
import { downloadRepo } from "../../lib/hub/download.ts";
import type { HubSettings } from "../../lib/hub/settings.ts";
import { requireRepo } from "../../lib/hub/repo.ts";
import { etagOf, type FaultyAnswer, filesOf, type SeenRequest } from "./stand_in_hub.ts";
import { explained, someBytes, type TestHub, utf8, withHub } from "./with_hub.ts";

const repo = requireRepo("model", "org/model");
const weights = someBytes(300_000);
const files = { "config.json": utf8("{}"), "model.safetensors": weights };

/** Faults of the first requests to the other host, one each; then it behaves. */
const ofCdn = (...faults: (() => FaultyAnswer)[]) => ({ host }: SeenRequest) =>
  host === "cdn" ? faults.shift()?.() ?? null : null;

/** Downloads with faults, and checks the files and that nothing half is left. */
async function download(
  { hub, settings, inCache }: TestHub,
  changes: Partial<HubSettings> = {},
): Promise<void> {
  hub.commit("models/org/model", files);
  assert.deepEqual(filesOf(await downloadRepo(repo, {}, { ...settings, ...changes })), files);
  const blobs = [...Deno.readDirSync(inCache("models--org--model/blobs"))].map(({ name }) => name);
  assert.deepEqual(blobs.sort(), Object.values(files).map(etagOf).sort());
}

/** The ranges that the other host was asked for. */
function ranges({ hub }: TestHub): (string | null)[] {
  return hub.requests.filter(({ host }) => host === "cdn")
    .map(({ headers }) => headers.get("range"));
}

Deno.test("a body that is cut off is resumed where it broke", async () => {
  await withHub(async (test) => {
    test.hub.fault = ofCdn(() => "cut off", () => "cut off");
    await download(test);
    assert.deepEqual(ranges(test), [null, "bytes=150000-", "bytes=225000-"]);
  });
});

Deno.test("progress lets a connection break more often than it may fail", async () => {
  await withHub(async (test) => {
    test.hub.fault = ofCdn(...Array.from({ length: 9 }, () => () => "cut off" as const));
    await download(test);
    assert.equal(ranges(test).length, 10);
  });
});

Deno.test("a slow body: after the timeout the rest is asked for anew", async () => {
  await withHub(async (test) => {
    test.hub.fault = ofCdn(() => "stalled");
    await download(test, { timeout: 1000 });
    // On a machine that stalls itself for so long, a request may come twice.
    assert.deepEqual([...new Set(ranges(test))], [null, "bytes=150000-"]);
  });
});

Deno.test("a server without ranges begins at the beginning", async () => {
  await withHub(async (test) => {
    test.hub.fault = ofCdn(() => "cut off", () => "without ranges");
    await download(test);
    assert.deepEqual(ranges(test), [null, "bytes=150000-"]);
  });
});

Deno.test("a server that always starts over and breaks is not tried forever", async () => {
  await withHub(async (test) => {
    const { hub, settings } = test;
    hub.commit("models/org/model", files);
    let count = 0;
    hub.fault = ({ host }) =>
      host !== "cdn"
        ? null
        : count++ % 2 === 0
        ? "cut off"
        : new Response(weights.slice(0, 1000), { status: 200 });
    await assert.rejects(
      downloadRepo(repo, {}, settings),
      explained(/^cannot download the model org\/model from http/),
    );
    assert.ok(count < 12, `${count} requests`);
  });
});

Deno.test("a corrupted body is seen by its hash and downloaded again, whole", async () => {
  await withHub(async (test) => {
    test.hub.fault = ofCdn(() => "corrupted");
    await download(test);
    assert.deepEqual(ranges(test), [null, null]);
  });
});

Deno.test("a corrupted small file is seen by git's hash", async () => {
  await withHub(async (test) => {
    let spoiled = 0;
    test.hub.fault = ({ path }) =>
      path.includes("resolve-cache") && spoiled++ === 0 ? "corrupted" : null;
    await download(test);
    assert.equal(spoiled, 2);
  });
});

Deno.test("a body that stays corrupted never gets into the cache", async () => {
  await withHub(async ({ hub, settings, inCache }) => {
    const commit = hub.commit("models/org/model", files);
    hub.fault = ({ host }) => host === "cdn" ? "corrupted" : null;
    const pattern =
      /^model\.safetensors of org\/model arrived damaged 2 times \(its hash is not .*pr/;
    await assert.rejects(downloadRepo(repo, {}, settings), explained(pattern));
    const root = inCache("models--org--model");
    const etag = etagOf(weights);
    const names = [...Deno.readDirSync(join(root, "blobs"))].map(({ name }) => name);
    assert.ok(!names.includes(etag));
    assert.throws(() => Deno.statSync(join(root, "snapshots", commit, "model.safetensors")));
    assert.throws(() => Deno.statSync(join(root, "refs/main")));
    assert.equal(Deno.statSync(join(root, "blobs", `${etag}.incomplete`)).size, 0);
  });
});

Deno.test("more bytes than there should be are not written", async () => {
  await withHub(async (test) => {
    test.hub.fault = ofCdn(() => new Response(someBytes(400_000)));
    await download(test);
  });
});

Deno.test("an interrupted process leaves a beginning, and the next one goes on from it", async () => {
  await withHub(async (test) => {
    const blobs = test.inCache("models--org--model/blobs");
    Deno.mkdirSync(blobs, { recursive: true });
    const incomplete = join(blobs, `${etagOf(weights)}.incomplete`);
    Deno.writeFileSync(incomplete, weights.slice(0, 123_456));
    await download(test);
    assert.deepEqual(ranges(test), ["bytes=123456-"]);
  });
});

for (
  const [title, start] of [
    ["that is wrong", someBytes(1000, 7)],
    ["that is too long", someBytes(300_001)],
  ] as const
) {
  Deno.test(`a beginning ${title} is thrown away`, async () => {
    await withHub(async (test) => {
      const blobs = test.inCache("models--org--model/blobs");
      Deno.mkdirSync(blobs, { recursive: true });
      Deno.writeFileSync(join(blobs, `${etagOf(weights)}.incomplete`), start);
      await download(test);
      assert.equal(ranges(test).at(-1), null);
    });
  });
}

Deno.test("a whole file that was not given its name yet needs no connection", async () => {
  await withHub(async (test) => {
    const blobs = test.inCache("models--org--model/blobs");
    Deno.mkdirSync(blobs, { recursive: true });
    Deno.writeFileSync(join(blobs, `${etagOf(weights)}.incomplete`), weights);
    await download(test);
    assert.deepEqual(ranges(test), []);
  });
});

Deno.test("429 and 5xx, of the API and of files, are tried again", async () => {
  await withHub(async (test) => {
    const seen = new Map<string, number>();
    test.hub.fault = ({ path }) => {
      const count = seen.get(path) ?? 0;
      seen.set(path, count + 1);
      return count < 2 ? new Response(null, { status: [429, 503][count] }) : null;
    };
    await download(test);
    assert.ok([...seen.values()].every((count) => count >= 3));
  });
});

Deno.test("an API that stalls or breaks off is asked again", async () => {
  await withHub(async (test) => {
    const faults: FaultyAnswer[] = ["stalled", "cut off"];
    test.hub.fault = ({ path }) => path.startsWith("/api/models/") ? faults.shift() ?? null : null;
    await download(test, { timeout: 1000 });
    assert.equal(faults.length, 0);
  });
});

Deno.test("an address on the other host that has expired is asked for anew", async () => {
  await withHub(async (test) => {
    test.hub.fault = ofCdn(() => new Response(null, { status: 403 }));
    await download(test);
    const asked = test.hub.paths("hub").filter((path) => path.endsWith("/model.safetensors"));
    assert.equal(asked.length, 2);
  });
});

Deno.test("Retry-After, in seconds or as a date, and RateLimit are honoured", async () => {
  const answers: (() => Record<string, string>)[] = [
    () => ({ "retry-after": "1" }),
    () => ({ "retry-after": new Date(Date.now() + 1900).toUTCString() }),
    () => ({ ratelimit: '"api";r=0;t=1' }),
  ];
  await Promise.all(answers.map((headers) =>
    withHub(async (test) => {
      const times: number[] = [];
      test.hub.fault = () => {
        times.push(performance.now());
        return times.length === 1 ? new Response(null, { status: 429, headers: headers() }) : null;
      };
      await download(test);
      assert.ok(times[1] - times[0] > 700, JSON.stringify(headers()));
    })
  ));
});

Deno.test("a wait that is too long is named, not waited for", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.fault = () => new Response(null, { status: 429, headers: { "retry-after": "3600" } });
    const pattern = /answered 429, and asked to wait 3600 s; .* what is already here is kept$/;
    await assert.rejects(downloadRepo(repo, {}, settings), explained(pattern));
  });
});

Deno.test("5xx that does not end: five tries, with longer and longer waits", async () => {
  await withHub(async ({ hub, settings }) => {
    const times: number[] = [];
    hub.fault = () => (times.push(performance.now()), new Response(null, { status: 500 }));
    await assert.rejects(
      downloadRepo(repo, {}, { ...settings, retryDelay: 20 }),
      explained(/^cannot download the model org\/model .*answered 500/),
    );
    assert.equal(times.length, 5);
    for (const [i, least] of [20, 40, 80, 160].entries()) {
      assert.ok(times[i + 1] - times[i] >= least - 1);
    }
  });
});

Deno.test("one file that fails ends the others, which can be gone on with", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/org/model", files);
    hub.fault = ({ host, path }) =>
      host === "cdn"
        ? "stalled"
        : path.endsWith("/config.json")
        ? new Response(null, { status: 404, headers: { "x-error-code": "EntryNotFound" } })
        : null;
    // The other file would not end by itself.
    await assert.rejects(
      downloadRepo(repo, {}, { ...settings, timeout: 2 ** 31 - 1 }),
      explained(/^cannot find the model/),
    );
    hub.fault = () => null;
    assert.deepEqual(filesOf(await downloadRepo(repo, {}, settings)), files);
  });
});

Deno.test("two downloads at once fetch a file once", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.commit("models/org/model", files);
    const folders = await Promise.all([0, 1].map(() => downloadRepo(repo, {}, settings)));
    assert.equal(folders[0], folders[1]);
    assert.deepEqual(filesOf(folders[0]), files);
    assert.equal(hub.paths("cdn").length, 1);
  });
});

Deno.test("redirects in circles end", async () => {
  await withHub(async ({ hub, settings }) => {
    hub.fault = ({ path }) => new Response(null, { status: 302, headers: { location: path } });
    await assert.rejects(downloadRepo(repo, {}, settings), explained(/redirected more than 10/));
    const location = "file:///etc/passwd";
    hub.fault = () => new Response(null, { status: 302, headers: { location } });
    await assert.rejects(downloadRepo(repo, {}, settings), explained(/not a safe address/));
  });
});
