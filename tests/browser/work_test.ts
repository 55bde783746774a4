import assert from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { hasServer } from "../../scripts/nats_server.ts";
import { ONE_USER, withSocketServer } from "../cluster/socket_server.ts";
import { fleetAt, results, train, Workers } from "../cluster/workers.ts";
import { browserTest, complaintsOf, type Pages } from "../web/browser.ts";
import type { TabWork } from "../../browser.ts";
import { ISOLATED, Site } from "./site.ts";

/** Worker that hangs for ever where it would hand in the first response of step 2. */
const HANGING = `
import { serveWorker } from "./temper.js";
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  const text = new TextDecoder("latin1").decode(data);
  if (/PUB temper\\.[\\w-]+\\.result\\.2\\./.test(text)) {
    postMessage({ event: "info", data: "hangs" });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
  send.call(this, data);
};
serveWorker();
`;

/** Serves the module with a policy for all files. @param sockets addresses of WebSockets */
function serve(sockets: string): Promise<Site> {
  const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
    `connect-src 'self' ${sockets}`;
  return Site.serve({ ...ISOLATED, "content-security-policy": policy });
}

const natsTest: typeof browserTest = hasServer() ? browserTest : (name) => {
  Deno.test({ name, ignore: true, fn() {} });
};

declare global {
  /** Events of the page's worker, and its work. */
  var told: { lines: string[]; rollouts: number; steps: number[] };
  var tabWork: TabWork;
}

/** Opens a page, and starts work in it. */
async function startTab(
  site: Site,
  browser: Pages,
  url: string,
  worker = "/temper-worker.js",
): Promise<Page> {
  const page = await browser.newPage();
  await site.show(page);
  await page.evaluate(async ([url, worker]) => {
    const its = await temper.TemperWorker.start({ worker });
    globalThis.told = { lines: [], rollouts: 0, steps: [] };
    globalThis.tabWork = its.work({ url }, {
      device: "wasm",
      on: {
        info: (line) => told.lines.push(line),
        worked: ({ step, rollouts }) => {
          told.rollouts += rollouts;
          told.steps.push(step);
        },
      },
    });
    tabWork.finished.catch((error) => told.lines.push(String(error)));
  }, [url, worker]);
  return page;
}

/** Waits for a line of the page's worker. */
async function heard(page: Page, line: RegExp): Promise<void> {
  await page.waitForFunction(
    (source) => told.lines.some((line) => new RegExp(source).test(line)),
    line.source,
  );
}

natsTest(
  "a tab alone responds for a trainer in Deno: the files of one machine, bit for bit",
  async (browser, test) => {
    await using site = await serve("ws:");
    await withSocketServer(async ({ socket, url, port }, folder) => {
      const address = (at: string) => at.replace("//", "//me:p%40ss@");
      const page = await startTab(site, browser, address(socket));
      const complaints = complaintsOf(page);
      for (const [kind, rollouts] of [["ppo", 4], ["grpo", 8]] as const) {
        await test.step(kind, async () => {
          const [one, many] = ["one", "many"].map((name) => join(folder, `${kind}-${name}`));
          await page.evaluate(() => void (told.rollouts = 0));
          await train(kind, one, { steps: 2 });
          await train(kind, many, { steps: 2 }, { fleet: await fleetAt(address(url)) });
          assert.deepEqual(await results(many), await results(one));
          assert.equal(await page.evaluate(() => told.rollouts), rollouts);
        });
      }
      await test.step("the user stops it", async () => {
        await page.evaluate(async () => {
          tabWork.stop();
          await tabWork.finished;
        });
        assert.deepEqual(complaints, []);
      });
      await test.step("a policy that lets no WebSocket out is named", async () => {
        await using closed = await serve("");
        const page = await startTab(closed, browser, address(socket));
        await heard(
          page,
          /policy of this page's worker does not let it connect to ws:.* connect-src/,
        );
      });
      await test.step("what goes wrong is one sentence", async () => {
        const fails = (url: string, options: Record<string, unknown> = {}) =>
          page.evaluate(async ([url, options]) => {
            const its = await temper.TemperWorker.start();
            const error = await its.work({ url }, { device: "wasm", ...options }).finished
              .then(() => null, (error) => error);
            its.close();
            return `${error?.name}: ${error?.message}`;
          }, [url, options] as const);
        const cannot = (at: string) => `UserError: cannot use NATS at ${at}: `;
        assert.equal(
          await fails(socket.replace("//", "//me:no@")),
          `${cannot(socket)}it does not accept the user, token, credentials or NKEY`,
        );
        for (const silent of ["ws://127.0.0.1:1", `ws://127.0.0.1:${port}`]) {
          assert.equal(
            await fails(silent),
            `${
              cannot(silent)
            }no WebSocket answers there: is nats-server running, with a websocket ` +
              "listener on this port?",
          );
        }
        assert.equal(
          await fails(url),
          `${cannot(url)}a browser can connect only to a server's websocket listener: expected ` +
            "ws://host:port or wss://host:port",
        );
        assert.match(
          await fails(address(socket), { run: "a.b" }),
          /UserError: "a\.b" is not the id of a run/,
        );
      });
    }, ONE_USER);
  },
);

natsTest(
  "a tab that is closed in its work: a second one, or Deno, goes on to the same bits",
  async (browser, test) => {
    await using site = await serve("ws:");
    site.write("hanging.js", HANGING);
    await withSocketServer(async ({ socket, url }, folder) => {
      await train("ppo", join(folder, "one"));
      for (const second of ["a tab", "Deno"]) {
        await test.step(second, async () => {
          const many = join(folder, second);
          const first = await startTab(site, browser, socket, "/hanging.js");
          const training = train("ppo", many, {}, { fleet: await fleetAt(url) });
          await heard(first, /^hangs$/);
          assert.deepEqual(await first.evaluate(() => told.steps.includes(1)), true);
          await first.close();
          await using workers = new Workers();
          const tab = second === "a tab" ? await startTab(site, browser, socket) : null;
          if (tab === null) workers.start(url, "deno");
          await training;
          const made = await tab?.evaluate(() => told.rollouts) ?? workers.made.get("deno");
          // Steps 2 to 4.
          assert.equal(made, 6);
          assert.deepEqual(await results(many), await results(join(folder, "one")));
          await tab?.close();
        });
      }
    });
  },
);

natsTest(
  "a tab that has another model is refused by its fingerprint, and no run is broken",
  async (browser) => {
    await using site = await serve("ws:");
    await withSocketServer(async ({ socket, url }, folder) => {
      const training = train("ppo", join(folder, "run"), { steps: 1 }, {
        fleet: await fleetAt(url),
      });
      const page = await browser.newPage();
      await site.show(page);
      const [another, kept, same] = await page.evaluate(async (url) => {
        const its = await temper.TemperWorker.start();
        const names = [
          "config.json",
          "generation_config.json",
          "model.safetensors",
          "tokenizer.json",
        ];
        const give = async (path: string, change: boolean) => {
          const files = await Promise.all(names.map(async (name) => {
            const response = await fetch(`/demo/tiny-flan-t5/${name}`);
            return [name, response.ok ? await response.blob() : null] as const;
          }));
          await its.put(
            path,
            files.flatMap(([name, body]) => {
              if (body === null) return [];
              return [
                [name, change && name === "config.json" ? new Blob([body, " "]) : body] as const,
              ];
            }),
          );
        };
        await give("/models/another", true);
        const lines: string[] = [];
        const options = { device: "wasm", run: null, model: "/models/another" } as const;
        const refused = await its.work({ url }, options).finished.catch(({ message }) => message);
        const missing = its.work({ url }, {
          ...{ device: "wasm", run: "none-such", model: null },
          on: { info: (line) => lines.push(line) },
        });
        while (!lines.some((line) => line.includes("none-such"))) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        missing.stop();
        await missing.finished;
        // What the run names is beside the module.
        const worked = its.work({ url }, { device: "wasm", once: true });
        await worked.finished;
        return [refused, lines.at(-1), "same"];
      }, socket);
      assert.match(
        String(another),
        /^the model \/models\/another here is not the trainer's: its fingerprint/,
      );
      assert.equal(kept, "no run none-such yet: waiting for it");
      assert.equal(same, "same");
      await training;
    });
  },
);
