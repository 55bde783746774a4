import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import { hubSettings } from "../../lib/hub/settings.ts";
import { withTempDir } from "../temp_dir.ts";
import { explained } from "./with_hub.ts";

/** A home without a token. */
const HF_HOME = "/nonexistent/hf";

Deno.test("without variables: the Hub, and the cache that Python uses", () => {
  const { cacheDir, ...rest } = hubSettings({ HF_TOKEN_PATH: "/nonexistent/token" });
  assert.equal(cacheDir, join(homedir(), ".cache/huggingface/hub"));
  assert.deepEqual(rest, {
    endpoint: "https://huggingface.co",
    token: null,
    offline: false,
    timeout: 10_000,
    retryDelay: 1000,
  });
});

Deno.test("the cache: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, in this order", () => {
  const env: Record<string, string> = {
    XDG_CACHE_HOME: "/xdg",
    HF_HOME,
    HUGGINGFACE_HUB_CACHE: "~/old",
    HF_HUB_CACHE: "/cache",
    HF_TOKEN: "hf_x",
  };
  const expected = ["/cache", join(homedir(), "old"), `${HF_HOME}/hub`, "/xdg/huggingface/hub"];
  for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"]) {
    assert.equal(hubSettings(env).cacheDir, expected.shift());
    env[name] = "";
  }
});

Deno.test("the token: HF_TOKEN, else the one that was stored", async () => {
  await withTempDir((home) => {
    Deno.writeTextFileSync(join(home, "token"), "hf_stored\n");
    assert.equal(hubSettings({ HF_HOME: home, HF_TOKEN: " hf_env\n" }).token, "hf_env");
    assert.equal(hubSettings({ HF_HOME: home, HUGGING_FACE_HUB_TOKEN: "hf_old" }).token, "hf_old");
    assert.equal(hubSettings({ HF_HOME: home, HF_TOKEN: "" }).token, "hf_stored");
    assert.equal(hubSettings({ HF_HOME, HF_TOKEN_PATH: join(home, "token") }).token, "hf_stored");
    assert.equal(hubSettings({ HF_HOME }).token, null);
    assert.throws(
      () => hubSettings({ HF_HOME, HF_TOKEN_PATH: home }),
      explained(/^cannot read the Hub's token in .*: it is a folder$/),
    );
  });
});

Deno.test("HF_ENDPOINT, HF_HUB_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT", () => {
  const env = { HF_HOME, HF_ENDPOINT: "https://hf-mirror.com/", HF_HUB_DOWNLOAD_TIMEOUT: "0.5" };
  const { endpoint, timeout } = hubSettings(env);
  assert.deepEqual([endpoint, timeout], ["https://hf-mirror.com", 500]);
  for (const on of ["1", "on", "Yes", "TRUE"]) {
    assert.equal(hubSettings({ HF_HOME, HF_HUB_OFFLINE: on }).offline, true);
    assert.equal(hubSettings({ HF_HOME, TRANSFORMERS_OFFLINE: on }).offline, true);
  }
  assert.equal(hubSettings({ HF_HOME, HF_HUB_OFFLINE: "0" }).offline, false);
  assert.throws(
    () => hubSettings({ HF_HOME, HF_ENDPOINT: "hf-mirror.com" }),
    explained(/^HF_ENDPOINT is "hf-mirror\.com", expected an address such as https:/),
  );
  assert.throws(
    () => hubSettings({ HF_HOME, HF_HUB_DOWNLOAD_TIMEOUT: "soon" }),
    explained(/^HF_HUB_DOWNLOAD_TIMEOUT is "soon", expected seconds above 0/),
  );
});
