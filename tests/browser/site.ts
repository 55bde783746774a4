import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { buildBrowser } from "../../scripts/browser_build.ts";
import type * as Temper from "../../browser.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  wasm: "application/wasm",
  json: "application/json",
};

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
    private readonly server: Deno.HttpServer<Deno.NetAddr>,
    private readonly pages: Map<string, string>,
  ) {}

  /** Serves the module. */
  static async serve(headers: Readonly<Record<string, string>> = ISOLATED): Promise<Site> {
    const folder = await builtModule();
    const pages = new Map([["/", "<!doctype html><title>Temper</title>"]]);
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const { pathname } = new URL(request.url);
        const html = pages.get(pathname);
        if (html !== undefined) {
          return new Response(html, {
            headers: {
              "content-type": TYPES[pathname.split(".").at(-1)!] ?? "text/html",
              "content-security-policy": policyOf(html),
              ...headers,
            },
          });
        }
        const base = /^\/(demo|tests\/golden(_causal)?)\//.test(pathname) ? ROOT : folder;
        try {
          const body = await Deno.readFile(join(base, pathname));
          const type = TYPES[pathname.split(".").at(-1)!] ?? "application/octet-stream";
          return new Response(body, { headers: { "content-type": type, ...headers } });
        } catch {
          return new Response("not found", { status: 404 });
        }
      },
    );
    return new Site(server, pages);
  }

  /** Address of the page. */
  get address(): string {
    return `http://127.0.0.1:${this.server.addr.port}/`;
  }

  /** Adds a page, whose scripts may be in it, or a script. */
  write(name: string, html: string): void {
    this.pages.set(`/${name}`, html);
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
    await this.server.shutdown();
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
