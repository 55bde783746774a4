import { UserError } from "../errors.ts";
import { environmentVariable, homeFolder } from "../platform/environment.ts";
import { isNotFound, readTextNow } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";

/** Address of the Hub, folder of its files, and limits of a download. */
export interface HubSettings {
  /** Address of the Hub or of a mirror, without a slash at the end. */
  endpoint: string;
  /** Folder with a `models--org--name` or `datasets--org--name` folder for each repository. */
  cacheDir: string;
  /** Access token, sent to the endpoint alone; null for none. */
  token: string | null;
  /** True to use the cache alone, and never the network. */
  offline: boolean;
  /** Maximum time in milliseconds without a byte from a connection. */
  timeout: number;
  /** Delay before the first retry in milliseconds; it doubles with each further one. */
  retryDelay: number;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";
const DEFAULT_TIMEOUT_SECONDS = 10;

const VARIABLES = [
  "HF_ENDPOINT",
  "HF_HOME",
  "HF_HUB_CACHE",
  "HF_HUB_DOWNLOAD_TIMEOUT",
  "HF_HUB_OFFLINE",
  "HF_TOKEN",
  "HF_TOKEN_PATH",
  "HUGGINGFACE_HUB_CACHE",
  "HUGGING_FACE_HUB_TOKEN",
  "TRANSFORMERS_OFFLINE",
  "XDG_CACHE_HOME",
] as const;

/**
 * Reads the variables that the settings are made from, one by one, so that no other need be
 * allowed.
 */
export function hubEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(VARIABLES.map((name) => [name, environmentVariable(name)]));
}

/**
 * Makes the settings from the variables that Python's huggingface_hub reads: HF_ENDPOINT,
 * HF_HUB_CACHE or HF_HOME, HF_TOKEN or the token that `hf auth login` stored, HF_HUB_OFFLINE and
 * HF_HUB_DOWNLOAD_TIMEOUT. (Deno itself reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY.)
 *
 * @param env variables; an empty one counts as not set
 * @throws {UserError} naming a variable with an impossible value
 */
export function hubSettings(
  env: Record<string, string | undefined> = hubEnvironment(),
): HubSettings {
  return {
    endpoint: endpoint(env.HF_ENDPOINT || DEFAULT_ENDPOINT),
    cacheDir: hubCacheDirectory(env),
    token: (env.HF_TOKEN ?? "").trim() || (env.HUGGING_FACE_HUB_TOKEN ?? "").trim() ||
      storedToken(tokenPath(env)),
    offline: isOn(env.HF_HUB_OFFLINE) || isOn(env.TRANSFORMERS_OFFLINE),
    timeout: seconds("HF_HUB_DOWNLOAD_TIMEOUT", env) * 1000,
    retryDelay: 1000,
  };
}

/** Folder of the Hub's cache. */
export function hubCacheDirectory(
  env: Record<string, string | undefined> = hubEnvironment(),
): string {
  return folder(env.HF_HUB_CACHE) ?? folder(env.HUGGINGFACE_HUB_CACHE) ??
    join(hubHome(env), "hub");
}

/** Path of the file in which `hf auth login` stores the token. */
export function tokenPath(env: Record<string, string | undefined> = hubEnvironment()): string {
  return folder(env.HF_TOKEN_PATH) ?? join(hubHome(env), "token");
}

function hubHome(env: Record<string, string | undefined>): string {
  return folder(env.HF_HOME) ??
    join(folder(env.XDG_CACHE_HOME) ?? join(homeFolder(), ".cache"), "huggingface");
}

function folder(path: string | undefined): string | null {
  if (!path) return null;
  return /^~(?=$|[/\\])/.test(path) ? join(homeFolder(), path.slice(1)) : path;
}

function endpoint(address: string): string {
  if (!URL.canParse(address) || !/^https?:/.test(address)) {
    throw new UserError(
      `HF_ENDPOINT is ${JSON.stringify(address)}, expected an address such as ${DEFAULT_ENDPOINT}`,
    );
  }
  return address.replace(/\/+$/, "");
}

/** Tells whether huggingface_hub takes a value for true. */
function isOn(value: string | undefined): boolean {
  return ["1", "ON", "YES", "TRUE"].includes((value ?? "").toUpperCase());
}

function seconds(name: string, env: Record<string, string | undefined>): number {
  const value = Number(env[name] || DEFAULT_TIMEOUT_SECONDS);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new UserError(`${name} is ${JSON.stringify(env[name])}, expected seconds above 0`);
}

function storedToken(path: string): string | null {
  try {
    return readTextNow(path).trim() || null;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw new UserError(`cannot read the Hub's token in ${path}: ${ioReason(error)}`, {
      cause: error,
    });
  }
}
