import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { createApp } from "../../web/app.tsx";
import type { AccessRules } from "../../web/security.ts";
import { serveUi } from "../../web/server.ts";
import { Site } from "../../web/store/site.ts";
import { withTempDir } from "../temp_dir.ts";
import { metricsRow, writeSampleRun } from "../../scripts/sample_run.ts";

const LOCAL: AccessRules = { host: "127.0.0.1", token: null };

/** The site of a folder as a function that fetches, without a server. */
function siteOf(folder: string, access: AccessRules = LOCAL) {
  const stop = new AbortController();
  const app = createApp(new Site(folder, stop.signal), access);
  return {
    stop,
    get: (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
      app.request(`http://127.0.0.1:8642${path}`, {
        ...init,
        headers: { host: "127.0.0.1:8642", ...headers },
      }),
  };
}

Deno.test("every answer carries a strict content security policy", async () => {
  await withTempDir(async (dir) => {
    writeSampleRun(dir, "a");
    const { get } = siteOf(dir);
    for (const path of ["/", "/runs/a", "/runs/none", "/static/client.js", "/nothing"]) {
      const response = await get(path);
      const policy = response.headers.get("content-security-policy") ?? "";
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
      assert.doesNotMatch(policy, /unsafe|\*|https?:/);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
      const text = await response.text();
      if (path.startsWith("/static")) continue;
      // Pages do not try what the policy forbids.
      assert.doesNotMatch(
        text,
        /<script(?! type="module" src="\/static\/)|<style| style=| on\w+="/,
      );
    }
  });
});

Deno.test("only this server's names are answered to, and only its own pages", async () => {
  await withTempDir(async (dir) => {
    const { get } = siteOf(dir);
    const status = async (headers: Record<string, string>) => (await get("/", headers)).status;
    assert.equal(await status({}), 200);
    for (const host of ["localhost:8642", "[::1]:8642", "127.0.0.1"]) {
      assert.equal(await status({ host }), 200, host);
    }
    for (const host of ["evil.example", "127.0.0.1.evil.example", "192.168.0.7:8642", ""]) {
      assert.equal(await status({ host }), 421, host);
    }
    assert.equal(await status({ origin: "http://127.0.0.1:8642" }), 200);
    for (const origin of ["http://evil.example", "null", "http://127.0.0.1:9999"]) {
      assert.equal(await status({ origin }), 403, origin);
    }
    const site = { "sec-fetch-site": "cross-site" };
    assert.equal(await status({ ...site, "sec-fetch-mode": "no-cors" }), 403);
    const frame = { ...site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" };
    assert.equal(await status(frame), 403);
    assert.equal(await status({ ...frame, "sec-fetch-dest": "document" }), 200);
  });
});

Deno.test("nothing outside the folder of runs can be read", async () => {
  await withTempDir(async (dir) => {
    const runs = join(dir, "runs");
    writeSampleRun(runs, "a");
    writeSampleRun(dir, "outside");
    Deno.symlinkSync(join(dir, "outside"), join(runs, "link"));
    const holed = writeSampleRun(runs, "holed");
    Deno.removeSync(join(holed, "metrics.jsonl"));
    Deno.symlinkSync(join(dir, "outside", "metrics.jsonl"), join(holed, "metrics.jsonl"));
    const { get } = siteOf(runs);
    const outside = [
      "..%2foutside",
      "%2e%2e%2foutside",
      "..%5coutside",
      "a%2f..%2f..%2foutside",
      "link",
      "%00",
      encodeURIComponent(join(dir, "outside")),
    ];
    for (const id of outside) {
      assert.equal((await get(`/runs/${id}`)).status, 404, id);
      const series = await get(`/api/runs/${id}/series`);
      assert.doesNotMatch(await series.text(), /"lastStep":10/, id);
    }
    const series = await get("/api/runs/holed/series");
    assert.equal((await series.json()).lastStep, 0);
    const listed = await (await get("/api/runs")).json();
    assert.deepEqual(listed.rows.map((row: { id: string }) => row.id).sort(), ["a", "holed"]);
  });
});

Deno.test("a traversal as raw bytes on the wire is refused, too", async () => {
  await withTempDir(async (dir) => {
    const runs = join(dir, "runs");
    writeSampleRun(runs, "a");
    writeSampleRun(dir, "outside");
    const server = serveUi({ runs, host: "127.0.0.1", port: 0 });
    try {
      const { hostname, port } = new URL(server.address);
      for (const path of ["/runs/../../outside", "/static/../../deno.json", "//runs/../outside"]) {
        const status = await new Promise((resolve, reject) => {
          request({ hostname, port, path, agent: false }, (response) => {
            response.resume().on("end", () => resolve(response.statusCode));
          }).on("error", reject).end();
        });
        assert.equal(status, 404, path);
      }
    } finally {
      await server.close();
    }
  });
});

Deno.test("a host that others can reach asks for the token", async () => {
  await withTempDir(async (dir) => {
    const token = "s3cret-s3cret";
    const { get } = siteOf(dir, { host: "0.0.0.0", token });
    const host = { host: "192.168.0.7:8642" };
    const refused = await get("/", host);
    assert.equal(refused.status, 401);
    assert.match(await refused.text(), /requires a token/);
    assert.equal((await get("/?token=wrong", host)).status, 401);
    assert.equal((await get("/api/runs", host)).status, 401);
    assert.equal((await get("/", { host: "evil.example:8642" })).status, 421);

    const opened = await get(`/runs/a?x=1&token=${token}`, host);
    assert.equal(opened.status, 303);
    assert.equal(opened.headers.get("location"), "/runs/a?x=1");
    const cookie = opened.headers.get("set-cookie") ?? "";
    assert.match(cookie, /^temper_token_8642=\S+; Path=\/; HttpOnly; SameSite=Strict$/);
    assert.equal((await get("/", { ...host, cookie: cookie.split(";")[0] })).status, 200);
    assert.equal((await get("/", { ...host, authorization: `Bearer ${token}` })).status, 200);

    const form = { method: "POST", body: new URLSearchParams({ token }) };
    const posted = await get("/token", host, form);
    assert.deepEqual([posted.status, posted.headers.get("location")], [303, "/"]);
  });
});

Deno.test("a server on loopback needs no token, one on all addresses makes its own", async () => {
  await withTempDir(async (dir) => {
    for (const host of ["127.0.0.1", "0.0.0.0"]) {
      const server = serveUi({ runs: dir, host, port: 0 });
      try {
        const token = new URL(server.address).searchParams.get("token");
        assert.equal(token === null, host === "127.0.0.1");
        if (token) assert.ok(token.length >= 43, token);
        // The address that is printed is one that another machine can open.
        const { hostname } = new URL(server.address);
        const own = Deno.networkInterfaces().map(({ address }) => address);
        const hasNetwork = own.some((address) =>
          /^\d/.test(address) && !/^(127|169)\./.test(address)
        );
        if (token && hasNetwork) {
          assert.ok(own.includes(hostname) && !hostname.startsWith("127."), hostname);
          const opened = await fetch(server.address);
          await opened.body?.cancel();
        }
        const response = await fetch(`http://127.0.0.1:${new URL(server.address).port}/`);
        assert.equal(response.status, token ? 401 : 200);
        await response.body?.cancel();
        assert.throws(
          () => serveUi({ runs: dir, host, port: Number(new URL(server.address).port) }),
          /port \d+ is in use: choose another/,
        );
      } finally {
        await server.close();
      }
    }
  });
});

Deno.test("the table of runs filters, sorts and pages", async () => {
  await withTempDir(async (dir) => {
    for (let i = 1; i <= 30; i++) {
      const finished = i % 2 === 0;
      writeSampleRun(dir, `run-${i}`, { step: finished ? 10 : i % 9, finished });
    }
    Deno.mkdirSync(join(dir, "no-run"));
    const { get } = siteOf(dir);
    const list = async (query: string) => await (await get(`/api/runs?${query}`)).json();
    const first = await list("sort=name");
    assert.deepEqual([first.all, first.total, first.page, first.pages], [30, 30, 1, 2]);
    assert.deepEqual(
      first.rows.slice(0, 3).map((row: { name: string }) => row.name),
      ["run-1", "run-2", "run-3"],
    );
    assert.equal((await list("page=2")).rows.length, 5);
    assert.equal((await list("page=99")).page, 2);
    assert.equal((await list("state=finished")).total, 15);
    assert.equal((await list("search=RUN-3")).total, 2);
    const byProgress = await list("sort=progress&order=up");
    assert.equal(byProgress.rows[0].step, 0);
    assert.equal(byProgress.rows[0].headline[0].value, null);
    assert.equal(
      (await list("sort=metric&order=up")).rows[0].headline[0].value,
      metricsRow(1)["ppo/mean_scores"],
    );
    assert.match(await (await get("/?search=nothing")).text(), /No matching runs/);
  });
});

Deno.test("a folder without runs says how to make one", async () => {
  await withTempDir(async (dir) => {
    const text = await (await siteOf(join(dir, "none")).get("/")).text();
    assert.match(text, /No runs yet/);
    assert.match(text, /temper train --output/);
  });
});

Deno.test("events go on behind the step that the reader knows, and tell of a restart", async () => {
  await withTempDir(async (dir) => {
    const path = join(writeSampleRun(dir, "a", { step: 3, finished: false }), "metrics.jsonl");
    const { get, stop } = siteOf(dir);
    const read = async (headers: Record<string, string>, until: RegExp) => {
      const response = await get("/api/runs/a/events?after=1", headers);
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!until.test(text)) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
      }
      await reader.cancel();
      return text;
    };
    const first = await read({}, /id: 3/);
    assert.deepEqual(first.match(/^id: .*/gm), ["id: 2", "id: 3"]);
    assert.match(first, /event: overview\ndata: {"id":"a"/);
    Deno.writeTextFileSync(path, JSON.stringify(metricsRow(4)) + "\n", { append: true });
    const later = await read({ "last-event-id": "3" }, /id: 4/);
    assert.deepEqual(later.match(/^id: .*/gm), ["id: 4"]);
    Deno.writeTextFileSync(path, JSON.stringify(metricsRow(1)) + "\n");
    assert.match(await read({ "last-event-id": "4" }, /restart/), /event: restart/);
    stop.abort();
  });
});

Deno.test("static files are compressed and kept for ever under their hash", async () => {
  await withTempDir(async (dir) => {
    const { get } = siteOf(dir);
    const page = await (await get("/")).text();
    for (const address of page.match(/\/static\/[\w.]+\?v=\w+/g) ?? assert.fail("no assets")) {
      const response = await get(address, { "accept-encoding": "gzip" });
      assert.equal(response.headers.get("content-encoding"), "gzip");
      assert.match(response.headers.get("cache-control") ?? "", /immutable/);
    }
    assert.equal((await get("/static/constructor")).status, 404);
  });
});

Deno.test("trying a model: obstacles are explained, and large requests are refused", async () => {
  await withTempDir(async (dir) => {
    const run = writeSampleRun(dir, "a");
    const { get } = siteOf(dir);
    const ask = (id: string, body: string) =>
      get(`/api/runs/${id}/try`, {}, { method: "POST", body });
    const text = JSON.stringify({ text: "hi" });
    assert.equal((await ask("none", text)).status, 404);
    assert.doesNotMatch(await (await get("/runs/a")).text(), /--adapter/);
    const early = await ask("a", text);
    assert.equal(early.status, 409);
    assert.match((await early.json()).reason, /has no adapter yet/);
    for (const body of ["", "[]", "{}", '{"text":" "}', "null"]) {
      assert.equal((await ask("a", body)).status, 400, body);
    }
    assert.equal((await ask("a", JSON.stringify({ text: "x".repeat(70_000) }))).status, 413);
    // An error is one line, as in the terminal. Checkpoints can be tried, too.
    Deno.mkdirSync(join(run, "checkpoint-5"));
    Deno.writeTextFileSync(join(run, "checkpoint-5", "adapter_model.safetensors"), "");
    for (const adapter of ["adapter", "../a/checkpoint-5", "checkpoint-5/.", ""]) {
      assert.equal((await ask("a", JSON.stringify({ text: "hi", adapter }))).status, 404);
    }
    assert.equal((await ask("a", JSON.stringify({ text: "hi", adapter: 5 }))).status, 400);
    const page = await (await get("/runs/a")).text();
    assert.match(page, /--adapter [^ ]*\/a\/checkpoint-5 &lt; dialogue/);
    const broken = await ask("a", text);
    const news = (await broken.text()).trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(news.map(({ type }) => type), ["running", "failed"]);
    assert.match(news[1].reason, /checkpoint-5.*adapter/);
  });
});

Deno.test("the first page with all that it loads is small", async () => {
  await withTempDir(async (dir) => {
    for (let i = 0; i < 25; i++) writeSampleRun(dir, `run-${i}`);
    const { get } = siteOf(dir);
    const compressed = async (path: string) => {
      const response = await get(path, { "accept-encoding": "gzip" });
      assert.equal(response.headers.get("content-encoding"), "gzip", path);
      return (await response.arrayBuffer()).byteLength;
    };
    const page = await (await get("/")).text();
    const paths = ["/", ...page.match(/\/static\/[\w.]+(\?v=\w+)?/g)!];
    const sizes = await Promise.all([...new Set(paths)].map(compressed));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(total < 150_000, `${total} bytes`);
  });
});

Deno.test("an error of the site's own is written to the terminal with its escapes shown", async () => {
  const all = () => {
    throw new Error("\x1b[2J\x9b1A");
  };
  const app = createApp({ overviews: { all } } as unknown as Site, LOCAL);
  const { error } = console;
  let text = "";
  console.error = (...args: unknown[]) => void (text += args.join(" "));
  try {
    const { status } = await app.request("/", { headers: { host: "127.0.0.1" } });
    assert.equal(status, 500);
  } finally {
    console.error = error;
  }
  assert.match(text, /^Error: ␛\[2J\\u009b1A\n/);
});
