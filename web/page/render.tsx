import type { Context } from "hono";
import type { JSX } from "preact";
import { renderToString } from "preact-render-to-string";
import { ASSET_ADDRESSES } from "./assets.ts";
import { Empty } from "../components/parts.tsx";
import { Layout } from "./layout.tsx";

/** Renders a page as HTML. Texts are escaped: a response of a model is never markup. */
export function renderPage(title: string, content: JSX.Element): string {
  const page = <Layout title={title} assets={ASSET_ADDRESSES}>{content}</Layout>;
  return "<!doctype html>" + renderToString(page);
}

/** Responds that there is no such run. */
export function runNotFound(context: Context, id: string): Response | Promise<Response> {
  return context.html(
    renderPage(
      "No such run",
      <Empty title={`There is no run ${JSON.stringify(id)} here`}>
        <p>
          It may have been deleted or moved. <a href="/">See all runs</a>
        </p>
      </Empty>,
    ),
    404,
  );
}
