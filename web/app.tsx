import { Hono } from "hono";
import { compress } from "hono/compress";
import { HTTPException } from "hono/http-exception";
import { visibleText } from "../lib/visible_text.ts";
import { AskForToken } from "./page/ask_for_token.tsx";
import { Empty } from "./components/parts.tsx";
import { renderPage } from "./page/render.tsx";
import { compareRoutes } from "./routes/compare.tsx";
import { comparisonRoutes } from "./routes/comparison.tsx";
import { liveRoutes } from "./routes/live.ts";
import { playgroundRoutes } from "./routes/playground.tsx";
import { runRoutes } from "./routes/run.tsx";
import { runsRoutes } from "./routes/runs.tsx";
import { samplesRoutes } from "./routes/samples.tsx";
import { settingsRoutes } from "./routes/settings.tsx";
import { staticRoutes } from "./routes/static.ts";
import { tryRoutes } from "./routes/try.tsx";
import { limitedRequests } from "./limits.ts";
import { type AccessRules, sameOriginOnly, securityHeaders, tokenRequired } from "./security.ts";
import type { Site } from "./store/site.ts";

const ROUTES = [
  runsRoutes,
  runRoutes,
  liveRoutes,
  samplesRoutes,
  comparisonRoutes,
  settingsRoutes,
  tryRoutes,
  compareRoutes,
];

/** Creates the whole site, as a function of requests. */
export function createApp(site: Site, access: AccessRules): Hono {
  const app = new Hono();
  app.use(securityHeaders(), limitedRequests(), sameOriginOnly(access));
  app.route("/", staticRoutes());
  app.use(tokenRequired(access, (wrong) => renderPage("Token", <AskForToken wrong={wrong} />)));
  app.use(compress());
  app.route("/", playgroundRoutes());
  for (const routes of ROUTES) app.route("/", routes(site));
  app.notFound((context) => context.html(renderPage("Not found", <NotFound />), 404));
  app.onError((error, context) => {
    if (error instanceof HTTPException) return error.getResponse();
    console.error(visibleText(Deno.inspect(error)));
    return context.html(renderPage("Error", <Failed />), 500);
  });
  return app;
}

function NotFound() {
  return (
    <Empty title="Page not found">
      <p>
        <a href="/">See all runs</a>
      </p>
    </Empty>
  );
}

function Failed() {
  return (
    <Empty title="Temper could not create this page">
      <p>The server's terminal shows the error. Please report this bug.</p>
    </Empty>
  );
}
