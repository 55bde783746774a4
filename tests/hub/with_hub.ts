import { join } from "node:path";
import { withTempDir } from "../temp_dir.ts";
import type { HubSettings } from "../../lib/hub/settings.ts";
import { StandInHub } from "./stand_in_hub.ts";

/** A stand-in hub, and settings to reach it with a cache of its own. */
export interface TestHub {
  hub: StandInHub;
  settings: HubSettings;
  /** Path in the cache. */
  inCache(path: string): string;
}

/** Runs a test's body with a stand-in hub and an empty cache. */
export async function withHub(body: (test: TestHub) => Promise<void>): Promise<void> {
  await withTempDir(async (cacheDir) => {
    await using hub = new StandInHub();
    const inCache = (path: string) => join(cacheDir, path);
    const settings = { endpoint: hub.url, cacheDir, token: null, offline: false };
    await body({ hub, settings: { ...settings, timeout: 60_000, retryDelay: 1 }, inCache });
  });
}

/** Bytes that depend on their place and on `seed`. */
export function someBytes(count: number, seed = 0): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: count }, (_, i) => (i * 31 + (i >> 8) + seed) & 255);
}

/** The bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** An error with a one-line message that matches, for `assert.rejects`. */
export function explained(pattern: RegExp): (error: Error) => boolean {
  return (error) => {
    if (!["UserError", "HubUnreachableError"].includes(error.name)) throw error;
    if (error.message.includes("\n")) throw new Error(`more than one line: ${error.message}`);
    if (!pattern.test(error.message)) throw new Error(`not ${pattern}: ${error.message}`);
    return true;
  };
}
