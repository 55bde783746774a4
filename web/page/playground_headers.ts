import { INLINE_STYLE } from "./assets.ts";
import { REWARD_FRAME_POLICY } from "./reward_frame.ts";

/**
 * Policy of the page that trains in the browser, and of its workers: its own files and nothing else,
 * so nothing can leave the machine. WebAssembly has to be compiled.
 */
export const PLAYGROUND_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; " +
  `style-src '${INLINE_STYLE.hash}'; ` +
  "img-src 'self'; connect-src 'self'; worker-src 'self'; frame-src 'self'; " +
  "form-action 'none'; base-uri 'none'";

/** Policy of a worker that works for a run elsewhere: WebSockets as well, to the user's NATS server. */
const WORK_POLICY = PLAYGROUND_POLICY.replace("connect-src 'self'", "connect-src 'self' ws: wss:");

/** Headers of all files: workers may share memory with the page. */
const ISOLATION: Readonly<Record<string, string>> = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** Policies of files that are pages or workers, and who may frame them, which only headers can say. */
const POLICIES: Readonly<Record<string, string>> = {
  "index.html": `${PLAYGROUND_POLICY}; frame-ancestors 'none'`,
  "reward.html": `${REWARD_FRAME_POLICY}; frame-ancestors 'self'`,
  "temper-thread.js": PLAYGROUND_POLICY,
  "temper-worker.js": PLAYGROUND_POLICY,
  "work.html": `${PLAYGROUND_POLICY}; frame-ancestors 'none'`,
  "work-worker.js": WORK_POLICY,
};

/** Headers of a file of the page. */
export function playgroundHeaders(name: string): Readonly<Record<string, string>> {
  const policy = POLICIES[name];
  return policy === undefined ? ISOLATION : { ...ISOLATION, "content-security-policy": policy };
}

/** The same headers in the file `_headers`, which Netlify and Cloudflare Pages read. */
export function headersFile(): string {
  const rules = [
    ["/*", ISOLATION],
    ...["/", ...Object.keys(POLICIES).map((name) => `/${name}`)].map((path) => [
      path,
      { "content-security-policy": POLICIES[path.slice(1) || "index.html"] },
    ]),
  ] as const;
  return rules.map(([path, headers]) =>
    [path, ...Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`)].join("\n")
  ).join("\n") + "\n";
}
