import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { buildBrowser } from "../../scripts/browser_build.ts";
import { filesOf, serveFiles, type StaticHost } from "../../scripts/static_host.ts";
import type * as Temper from "../../browser.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Headers by which a page is cross-origin isolated, and may share memory with its workers. */
export const ISOLATED: Readonly<Record<string, string>> = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** Flags by which Chromium offers SwiftShader, a GPU in software, as WebGPU. */
export const SWIFTSHADER: readonly string[] = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
];

/** A policy that allows what the module needs, and nothing else. */
function policyOf(html: string): string {
  const inline = html.includes("<script") ? " 'unsafe-inline'" : "";
  return `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'${inline}; worker-src 'self'; ` +
    "connect-src 'self' http://127.0.0.1:* http://localhost:*";
}

/** The module for browsers on a static host, as anybody may have one. */
export class Site implements AsyncDisposable {
  private constructor(
    private readonly host: StaticHost,
    private readonly pages: Map<string, string>,
  ) {}

  /** Serves the module. */
  static async serve(headers: Readonly<Record<string, string>> = ISOLATED): Promise<Site> {
    const [module, root] = [filesOf(await builtModule()), filesOf(ROOT)];
    const pages = new Map([["index.html", "<!doctype html><title>Temper</title>"]]);
    const host = serveFiles(
      (path) =>
        pages.get(path) ??
          (/^(demo|tests\/golden(_causal)?)\//.test(path) ? root(path) : module(path)),
      (path) => {
        const page = pages.get(path);
        return page === undefined
          ? headers
          : { "content-security-policy": policyOf(page), ...headers };
      },
    );
    return new Site(host, pages);
  }

  /** Address of the page. */
  get address(): string {
    return this.host.address;
  }

  /** Adds a page, whose scripts may be in it, or a script. */
  write(name: string, html: string): void {
    this.pages.set(name, html);
  }

  /** Shows the page, with the module as `temper`. */
  async show(page: Page): Promise<void> {
    await page.goto(this.address);
    await page.evaluate(async () => {
      Object.assign(globalThis, { temper: await import(String("/temper.js")) });
    });
  }

  /** Stops serving. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
  }
}

let built: Promise<string> | null = null;

/** Folder of the module, which is built once for all tests of a file. */
export function builtModule(): Promise<string> {
  return built ??= build();
}

async function build(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "temper-browser-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  await buildBrowser(folder);
  return folder;
}

declare global {
  /** The module, in functions that run in the page. */
  var temper: typeof Temper;
}
