import { Hono } from "hono";
import { ASSETS } from "../page/assets.ts";

/** `/static/…`: script, style sheet, and icon. */
export function staticRoutes(): Hono {
  return new Hono().get("/static/:name", (context) => {
    const name = context.req.param("name");
    if (!Object.hasOwn(ASSETS, name)) return context.notFound();
    const { type, text, gzip } = ASSETS[name];
    const headers = {
      "content-type": type,
      "vary": "accept-encoding",
      "cache-control": context.req.query("v") ? "max-age=31536000, immutable" : "max-age=3600",
    };
    if (!context.req.header("accept-encoding")?.includes("gzip")) {
      return context.body(text, 200, headers);
    }
    return context.body(gzip, 200, { ...headers, "content-encoding": "gzip" });
  });
}
