import type { Page } from "playwright-core";
import { buildPlayground } from "../../scripts/playground_build.ts";
import { filesOf, serveFiles } from "../../scripts/static_host.ts";
import { playgroundHeaders } from "../../web/page/playground_headers.ts";

let built: Promise<string> | null = null;

/** Folder of the page, built once. */
function playground(): Promise<string> {
  return built ??= (async () => {
    const folder = await Deno.makeTempDir({ prefix: "temper-playground-" });
    addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    await buildPlayground(folder);
    return folder;
  })();
}

/** Serves the page as a static host: with the headers that it asks for, or with none. */
export async function host(headers = playgroundHeaders) {
  return serveFiles(filesOf(await playground()), headers);
}

/** Fills in the form, and trains. @param reward text of a reward in JavaScript; empty for the usual one */
export async function train(
  page: Page,
  settings: Record<string, unknown>,
  reward = "",
  device: "wasm" | "webgpu" = "wasm",
): Promise<void> {
  await page.getByText("of the CPU").first().waitFor();
  await page.getByRole("combobox", { name: "Device" }).selectOption(device);
  if (reward !== "") {
    await page.getByRole("combobox", { name: "Reward" }).selectOption("script");
    await page.getByLabel("Reward in JavaScript").fill(reward);
  }
  const further = page.getByText("Further settings", { exact: true });
  if (!await page.locator("#further").isVisible()) await further.click();
  await page.locator("#further").fill(JSON.stringify(settings));
  await page.getByRole("button", { name: "Train", exact: true }).click();
}

/** Waits until the run has ended. Returns the sentence of its failure; empty for none. */
export async function ended(page: Page): Promise<string> {
  await page.locator(".playground-run .badge").filter({ hasText: /finished|failed|stopped/ })
    .waitFor();
  const failure = page.locator(".playground-run .failure");
  return await failure.count() === 0 ? "" : await failure.innerText();
}
