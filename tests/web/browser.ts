import { existsSync } from "node:fs";
import type { BrowserContextOptions, Page } from "playwright-core";
import { CHROMIUM, launchBrowser } from "../../scripts/chromium.ts";

/** Milliseconds before a test gives up waiting; machines may be busy. */
const PATIENCE = 180_000;

/** Browser of a test. */
export interface Pages {
  /** Opens an empty page. */
  newPage(options?: BrowserContextOptions): Promise<Page>;
}

/** A test in a real browser: ignored where there is none, but not in CI, where there must be one. */
export function browserTest(
  name: string,
  body: (browser: Pages, test: Deno.TestContext) => Promise<void>,
  flags?: readonly string[],
): void {
  const ignore = !existsSync(CHROMIUM) && !Deno.env.get("CI");
  // The browser's connections end on their own time.
  Deno.test({ name, ignore, sanitizeOps: false, sanitizeResources: false }, async (test) => {
    const browser = await launchBrowser(flags);
    const newPage = async (options?: BrowserContextOptions) => {
      // In a context of its own, in which it can be joined by other pages.
      const page = await (await browser.newContext(options)).newPage();
      page.setDefaultTimeout(PATIENCE);
      return page;
    };
    try {
      await body({ newPage }, test);
    } finally {
      await browser.close();
    }
  });
}

/** Collects what a page complains about: errors of its scripts, and of its console. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error: Error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  return complaints;
}
