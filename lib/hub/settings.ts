import { UserError } from "../errors.ts";
import { environmentVariable, homeFolder } from "../platform/environment.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";

/** Where the Hub is, where its files are kept, and how patient a download is. */
export interface HubSettings {
  /** Address of the Hub or of a mirror, without a slash at the end. */
  endpoint: string;
  /** Folder with a `models--org--name` or `datasets--org--name` folder for each repository. */
  cacheDir: string;
  /** Access token, sent to the endpoint alone; null for none. */
  token: string | null;
  /** Use what the cache holds, and never the network. */
  offline: boolean;
  /** Milliseconds without a byte after which a connection counts as lost. */
  timeout: number;
  /** Milliseconds before the first retry; each further one waits twice as long. */
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

/** The variables that the settings are made from: one by one, so that no other need be allowed. */
export function hubEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(VARIABLES.map((name) => [name, environmentVariable(name)]));
}

/**
 * The settings that Python's huggingface_hub takes from the same variables: HF_ENDPOINT, HF_HUB_CACHE
 * or HF_HOME, HF_TOKEN or the token that `hf auth login` stored, HF_HUB_OFFLINE and
 * HF_HUB_DOWNLOAD_TIMEOUT. (Proxies are Deno's own affair: HTTPS_PROXY, HTTP_PROXY, NO_PROXY.)
 *
 * @param env the variables; one that is empty counts as not set
 * @throws {UserError} naming a variable with a value that makes no sense
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

/** The folder of the Hub's cache. */
export function hubCacheDirectory(
  env: Record<string, string | undefined> = hubEnvironment(),
): string {
  return folder(env.HF_HUB_CACHE) ?? folder(env.HUGGINGFACE_HUB_CACHE) ??
    join(hubHome(env), "hub");
}

/** The file in which `hf auth login` stores the token. */
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

/** The values that huggingface_hub takes for true. */
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
    return Deno.readTextFileSync(path).trim() || null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new UserError(`cannot read the Hub's token in ${path}: ${ioReason(error)}`, {
      cause: error,
    });
  }
}
