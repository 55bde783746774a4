import assert from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { hasServer } from "../../scripts/nats_server.ts";
import { ONE_USER, withSocketServer } from "../cluster/socket_server.ts";
import { fleetAt, results, train } from "../cluster/workers.ts";
import { seriousViolations } from "../web/axe.ts";
import { browserTest, complaintsOf } from "../web/browser.ts";
import { host } from "./playground.ts";

const natsTest: typeof browserTest = hasServer() ? browserTest : (name) => {
  Deno.test({ name, ignore: true, fn() {} });
};

/** Fills in the form, with the keyboard from one field to the next, and starts the work. */
async function fillIn(page: Page, address: string, user: string, password: string, run = "") {
  await page.getByLabel("Address of the NATS server").fill(address);
  await page.getByLabel("User, or a token").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("Run", { exact: true }).fill(run);
  await page.getByLabel("Device").selectOption("wasm");
  await page.getByRole("button", { name: "Work" }).press("Enter");
}

natsTest(
  "the page works for a run, at 390 and 1280 px, and says what goes wrong",
  async (browser, test) => {
    await using site = await host();
    await withSocketServer(async ({ socket, url, port }, folder) => {
      await train("ppo", join(folder, "one"), { steps: 2 });
      for (const [width, colorScheme] of [[390, "dark"], [1280, "light"]] as const) {
        await test.step(`${width} px, ${colorScheme}`, async () => {
          const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
          const complaints = complaintsOf(page);
          await page.goto(site.address);
          await page.getByRole("link", { name: "work for a run on another machine" }).click();
          await page.locator("[data-hydrated]").waitFor();
          assert.deepEqual(await seriousViolations(page), []);
          await fillIn(page, socket, "me", "p@ss", "nowhere");
          const status = page.locator(".playground-run [role=status]");
          await status.getByText("Waiting for the run nowhere: this server does not have it yet")
            .waitFor();
          await page.getByRole("button", { name: "Stop" }).press("Enter");
          await page.getByText("Stopped: work that was not done goes to other workers").waitFor();
          await fillIn(page, socket, "me", "p@ss");
          const many = join(folder, `many-${width}`);
          const fleet = await fleetAt(url.replace("//", "//me:p%40ss@"));
          await train("ppo", many, { steps: 2 }, { fleet });
          assert.deepEqual(await results(many), await results(join(folder, "one")));
          await status.getByText("Waiting for a run: no trainer has one at this server yet")
            .waitFor();
          const facts = await page.locator(".playground-run dl").innerText();
          assert.match(facts, /Run\s+many-\d+-\w+ \(ppo\)\s+Step\s+2\s+Responses\s+4\s/);
          assert.match(facts, /Tokens per second\s+\d+\s+Device\s+WebAssembly/);
          assert.deepEqual(await seriousViolations(page), []);
          const wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
          assert.ok(Number(wider) <= 0, `the page is ${wider} px too wide`);
          await page.getByRole("button", { name: "Stop" }).press("Enter");
          await page.getByText("Stopped: work that was not done").waitFor();
          assert.deepEqual(complaints, []);
          await page.close();
        });
      }
      await test.step("one sentence each", async () => {
        const page = await browser.newPage();
        await page.goto(`${site.address}work.html`);
        await page.locator("[data-hydrated]").waitFor();
        const fails = async (address: string, password: string) => {
          await fillIn(page, address, "me", password);
          await page.locator(".playground-run .badge").filter({ hasText: "failed" }).waitFor();
          return await page.locator(".playground-run .failure").innerText();
        };
        assert.equal(
          await fails(socket, "no"),
          `Cannot use NATS at ${socket}: it does not accept the user, token, credentials or NKEY.`,
        );
        assert.match(
          await fails(`ws://127.0.0.1:${port}`, "p@ss"),
          /^Cannot use NATS at \S+: no WebSocket answers there: is nats-server running, .* on this port\?$/,
        );
        assert.match(
          await fails("trainer", "no"),
          /^"trainer" is not the address of a NATS server: /,
        );
      });
      await test.step("the page itself may open no WebSocket, as the one that trains", async () => {
        const page = await browser.newPage();
        await page.goto(`${site.address}work.html`);
        const refused = page.waitForEvent(
          "console",
          (message) => /connect-src/.test(message.text()),
        );
        await page.evaluate((socket) => void new WebSocket(socket), socket);
        await refused;
      });
    }, ONE_USER);
  },
);

browserTest("work that is stopped before the module is there never begins", async (browser) => {
  await using site = await host();
  const page = await browser.newPage();
  const module = Promise.withResolvers<void>();
  await page.route(/\/temper\.js$/, async (route) => {
    await module.promise;
    await route.continue();
  });
  await page.goto(`${site.address}work.html`);
  await fillIn(page, "ws://127.0.0.1:1", "", "");
  await page.getByRole("button", { name: "Stop" }).click();
  module.resolve();
  await page.getByText("Stopped: work that was not done").waitFor();
  assert.equal(await page.locator(".playground-run .failure").count(), 0);
});
