import { type Browser, chromium } from "playwright-core";

/** Debian's package `chromium`. */
export const CHROMIUM = "/usr/bin/chromium";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Starts a browser without a window.
 *
 * @param flags further flags of Chromium; with those of WebGPU it has a GPU
 */
export function launchBrowser(flags: readonly string[] = ["--disable-gpu"]): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...flags] });
}
