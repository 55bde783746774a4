import { type Context, Hono } from "hono";
import { programFolder, readAsset } from "../../assets.ts";
import { isNotFound } from "../../lib/platform/files.ts";
import { fileType } from "../shared/file_types.ts";
import { Empty } from "../components/parts.tsx";
import { ASSET_ADDRESSES } from "../page/assets.ts";
import { playgroundHeaders } from "../page/playground_headers.ts";
import { renderPlayground } from "../page/playground_page.tsx";
import { renderPage } from "../page/render.tsx";
import { REWARD_FRAME } from "../page/reward_frame.ts";
import { renderWork, WORK_WORKER } from "../page/work_page.tsx";

/** Folder of the module for browsers, in the program. */
const MODULE = "dist/browser";

/**
 * `/playground/`: the page that trains in the browser, with the module and the demo beside it, and the
 * one that works for a run elsewhere.
 */
export function playgroundRoutes(): Hono {
  // Rendered before anybody asks: the first time takes as long as all the rest of a visit.
  const { script } = ASSET_ADDRESSES;
  const pages = { "index.html": renderPlayground({ script }), "work.html": renderWork({ script }) };
  const respond = async (context: Context, page: keyof typeof pages) => {
    if (await readOwn(`${MODULE}/temper-worker.js`) === null) {
      return context.html(renderPage("Not built", <NotBuilt />), 404);
    }
    return context.html(pages[page], 200, playgroundHeaders(page));
  };
  return new Hono()
    .get("/playground", (context) => context.redirect("/playground/"))
    .get("/playground/", (context) => respond(context, "index.html"))
    .get("/playground/work.html", (context) => respond(context, "work.html"))
    .get(
      "/playground/work-worker.js",
      (context) =>
        context.body(WORK_WORKER, 200, {
          ...playgroundHeaders("work-worker.js"),
          "content-type": fileType("work-worker.js"),
        }),
    )
    .get(
      "/playground/reward.html",
      (context) => context.html(REWARD_FRAME, 200, playgroundHeaders("reward.html")),
    )
    .get(
      "/playground/:file{[\\w-]+[.](?:js|wasm)|demo/[\\w-]+/[\\w-]+[.]\\w+}",
      async (context) => {
        const file = context.req.param("file");
        const body = await readOwn(file.startsWith("demo/") ? file : `${MODULE}/${file}`);
        if (body === null) return context.notFound();
        return context.body(body, 200, {
          ...playgroundHeaders(file),
          "content-type": fileType(file),
        });
      },
    );
}

/** Reads a file of the program; null where it is missing, as where the program comes from a URL. */
async function readOwn(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  if (programFolder() === null) return null;
  try {
    return await readAsset(path);
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

function NotBuilt() {
  return (
    <Empty title="The module for browsers is not built yet">
      <p>
        Build it in a checkout of Temper, then load this page again:{" "}
        <code>deno task build:browser</code>
      </p>
    </Empty>
  );
}
