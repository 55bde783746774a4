/**
 * Measures what runs in a page, in headless Chromium.
 *
 * deno run -A bench/browser.ts          both of these
 * deno run -A bench/browser.ts step     a step of the PPO demo, against the same step in Deno: one
 *                                       after the other, several times; the fastest of each counts
 * deno run -A bench/browser.ts paint    time from a request for the page that trains in the browser
 *                                       until its content is there to read, and of pages of one line
 */
import type { Page } from "playwright-core";
import type * as Temper from "../browser.ts";
import { runKind } from "../lib/runs/kinds/registry.ts";
import { run } from "../lib/runs/loop/run.ts";
import { launchBrowser } from "../scripts/chromium.ts";
import { buildPlayground } from "../scripts/playground_build.ts";
import { filesOf, serveFiles } from "../scripts/static_host.ts";
import { playgroundHeaders } from "../web/page/playground_headers.ts";

const ROUNDS = 3;
const SETTINGS = { steps: 4, evalSamples: 1, device: "wasm", datasetCache: false };

/** Loads of each page, each in a profile of its own. */
const LOADS = 15;

/** Milliseconds in which a new tab, or a page that has loaded, comes to rest. */
const REST_MS = 1000;

/** Seconds of each step in Deno. */
async function inDeno(): Promise<number[]> {
  const kind = runKind("ppo");
  const output = await Deno.makeTempDir();
  const seconds: number[] = [];
  try {
    await run(kind, kind.resolve({ ...SETTINGS, output }), {
      stepped: (_step, _stats, row) => void seconds.push(secondsOf(row)),
    });
  } finally {
    await Deno.remove(output, { recursive: true });
  }
  return seconds;
}

/** Seconds of each step in a page. */
async function inPage(page: Page): Promise<number[]> {
  const rows = await page.evaluate(async (settings) => {
    const temper: typeof Temper = await import(String("/temper.js"));
    const worker = await temper.TemperWorker.start();
    const rows: Record<string, unknown>[] = [];
    const on = { stepped: (event: { row: Record<string, unknown> }) => rows.push(event.row) };
    await worker.train("ppo", settings, { keep: false, on }).finished;
    worker.close();
    return rows;
  }, SETTINGS);
  return rows.map(secondsOf);
}

/** Time of generation, rewards and the update. */
function secondsOf(row: Readonly<Record<string, unknown>>): number {
  const { stepTimes } = runKind("ppo");
  return stepTimes.reduce((sum, name) => sum + Number(row[name]), 0);
}

async function measureStep(address: string): Promise<void> {
  await using browser = await launchBrowser();
  const page = await browser.newPage();
  await page.goto(address);
  const best = { deno: Infinity, page: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    best.deno = Math.min(best.deno, ...await inDeno());
    best.page = Math.min(best.page, ...await inPage(page));
  }
  const milliseconds = (seconds: number) => `${(1000 * seconds).toFixed(0)} ms`;
  console.log(`a step of the PPO demo on ${navigator.hardwareConcurrency} threads`);
  console.log(`in Deno  ${milliseconds(best.deno)}`);
  console.log(`in a page ${milliseconds(best.page)}, ${(best.page / best.deno).toFixed(2)} ×`);
}

/** Milliseconds from the request for a page. */
interface Paint {
  /** First bytes of the page. */
  response: number;
  /** First text or picture. */
  first: number;
  /** The largest text or picture. */
  largest: number;
}

/** Times of the page that is shown. */
function paintOf(page: Page): Promise<Paint> {
  return page.evaluate(() =>
    new Promise<Paint>((resolve) => {
      new PerformanceObserver((list) => {
        const [{ responseStart }] = performance.getEntriesByType(
          "navigation",
        ) as PerformanceNavigationTiming[];
        const [{ startTime: first }] = performance.getEntriesByName("first-contentful-paint");
        resolve({ response: responseStart, first, largest: list.getEntries().at(-1)!.startTime });
      }).observe({ type: "largest-contentful-paint", buffered: true });
    })
  );
}

/** Waits until a browser has started the processes that it keeps ready. */
function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, REST_MS));
}

async function measurePaint(address: string): Promise<void> {
  await using browser = await launchBrowser();
  await using bare = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => {
      const headers = new URL(url).pathname === "/isolated" ? playgroundHeaders("") : {};
      return new Response("<!doctype html><p>Text", {
        headers: { "content-type": "text/html", ...headers },
      });
    },
  );
  const addresses = {
    "the page": address,
    "one line, with its headers": `http://127.0.0.1:${bare.addr.port}/isolated`,
    "one line": `http://127.0.0.1:${bare.addr.port}/`,
  };
  const times: Record<string, Paint[]> = {};
  for (let load = 0; load < LOADS; load++) {
    for (const [name, address] of Object.entries(addresses)) {
      const visit = async (kind: string, page: Page) => {
        await page.goto(address);
        (times[`${name}, ${kind}`] ??= []).push(await paintOf(page));
      };
      {
        await using context = await browser.newContext();
        const page = await context.newPage();
        await rest();
        await visit("first visit", page);
        await rest();
        await visit("again", page);
      }
      {
        await using context = await browser.newContext();
        await visit("profile just made", await context.newPage());
      }
    }
  }
  console.log(`milliseconds of ${LOADS} loads: median (fastest, slowest)`);
  for (const [name, paints] of Object.entries(times)) {
    const columns = (["response", "first", "largest"] as const).map((column) => {
      const sorted = paints.map((paint) => paint[column]).sort((a, b) => a - b);
      const [fastest, median, slowest] = [0, sorted.length >> 1, -1].map((i) =>
        sorted.at(i)!.toFixed(0)
      );
      return `${column} ${median} (${fastest}, ${slowest})`;
    });
    console.log(`${name.padEnd(46)}  ${columns.join("  ")}`);
  }
}

const [only] = Deno.args;
const folder = await Deno.makeTempDir({ prefix: "temper-playground-" });
try {
  await buildPlayground(folder);
  await using host = serveFiles(filesOf(folder), playgroundHeaders);
  if (only !== "paint") await measureStep(host.address);
  if (only !== "step") await measurePaint(host.address);
} finally {
  await Deno.remove(folder, { recursive: true });
}
