import { renderToString } from "preact-render-to-string";
import { INLINE_STYLE } from "./assets.ts";
import { Island } from "./island.tsx";
import { Layout, type LayoutProps } from "./layout.tsx";
import { PLAYGROUND_POLICY } from "./playground_headers.ts";

/** Worker of the page: the module's own, with another address, under which it may open WebSockets. */
export const WORK_WORKER = 'import { serveWorker } from "./temper.js";\nserveWorker();\n';

/** Page that works for a run on another machine, as HTML. @param script address of the site's script */
export function renderWork(
  { script, ...frame }: { script: string } & Pick<LayoutProps, "icon" | "home" | "pages">,
): string {
  const page = (
    <Layout
      title="Work for a run"
      policy={PLAYGROUND_POLICY}
      assets={{ script, style: INLINE_STYLE }}
      {...frame}
    >
      <div class="page-head">
        <h1>Work for a run on another machine</h1>
        <p class="muted">
          This tab generates responses for a trainer, scores them, and sends them to the trainer's
          NATS server, which needs a WebSocket listener. It connects to nothing else. To train here
          instead: <a href="./">Train in this browser</a>
        </p>
        <noscript>
          <p class="failure">Working here needs JavaScript, which is turned off in this browser.</p>
        </noscript>
      </div>
      <Island name="WorkHere" props={{}} />
    </Layout>
  );
  return "<!doctype html>" + renderToString(page);
}
