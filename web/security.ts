import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { getCookie, setCookie } from "hono/cookie";
import type { MiddlewareHandler } from "hono";

/** Access rules of a server. */
export interface AccessRules {
  /** Name or address that the server listens on. */
  host: string;
  /** Secret that every request must have; null for a server that only this machine can reach. */
  token: string | null;
}

/** Names of this machine on every machine. */
const LOOPBACK: readonly string[] = ["127.0.0.1", "localhost", "::1"];

/** Checks that only this machine can reach a server on a host. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.includes(host);
}

/** Creates a secret of 256 random bits, as text that fits in an address. */
export function createToken(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
}

/** Allows only this server's own files, no inline scripts or styles, and no frames. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; " +
  "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Sets headers that make the browser refuse what these pages never do. */
export function securityHeaders(): MiddlewareHandler {
  return async (context, next) => {
    await next();
    const { headers } = context.res;
    // The page that trains in the browser has a policy of its own.
    if (!headers.has("content-security-policy")) {
      headers.set("content-security-policy", CONTENT_SECURITY_POLICY);
    }
    headers.set("x-content-type-options", "nosniff");
    headers.set("referrer-policy", "no-referrer");
    headers.set("cross-origin-opener-policy", "same-origin");
    headers.set("cross-origin-resource-policy", "same-origin");
    if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  };
}

/**
 * Refuses requests that name another host, as after DNS rebinding, and those that pages of other
 * origins make. Links from elsewhere are allowed: they show only what the reader may see anyway.
 */
export function sameOriginOnly({ host }: AccessRules): MiddlewareHandler {
  return async (context, next) => {
    const named = context.req.header("host") ?? "";
    if (!isKnownHost(named, host)) {
      return context.text(
        `This server does not answer to the name ${JSON.stringify(named)}.\n`,
        421,
      );
    }
    const origin = context.req.header("origin");
    const site = context.req.header("sec-fetch-site");
    const isNavigation = context.req.method === "GET" &&
      context.req.header("sec-fetch-mode") === "navigate" &&
      context.req.header("sec-fetch-dest") === "document";
    const foreign = origin !== undefined && origin !== `http://${named}`;
    const crossSite = site !== undefined && site !== "same-origin" && site !== "none";
    if (foreign || (crossSite && !isNavigation)) {
      return context.text("Requests from pages of other origins are refused.\n", 403);
    }
    await next();
  };
}

/**
 * Checks that a Host header names this server. A server that other machines can reach answers to every
 * address, since DNS rebinding can redirect a name, but not an address.
 */
function isKnownHost(header: string, host: string): boolean {
  const name = header.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (LOOPBACK.includes(name) || name === host.toLowerCase()) return true;
  return !isLoopback(host) && isIP(name) !== 0;
}

/**
 * Requires the token, if there is one, in a cookie or as `Authorization: Bearer`. The form that asks
 * for the token sets the cookie, and so does the address with `?token=…` that the server prints: it
 * redirects to the same address without the token, which thereby stays out of the history.
 */
export function tokenRequired(
  { token }: AccessRules,
  askForToken: (wrong: boolean) => string,
): MiddlewareHandler {
  return async (context, next) => {
    if (token === null) return await next();
    const url = new URL(context.req.url);
    // Cookies are shared by all ports of a host.
    const cookie = `temper_token_${url.port || "80"}`;
    const bearer = context.req.header("authorization")?.replace(/^Bearer /, "");
    if (equalSecrets(getCookie(context, cookie) ?? bearer ?? "", token)) return await next();

    const isForm = context.req.method === "POST" && url.pathname === "/token";
    const offered = isForm
      ? String((await context.req.parseBody()).token ?? "").trim()
      : url.searchParams.get("token");
    if (offered !== null && equalSecrets(offered, token)) {
      setCookie(context, cookie, token, { httpOnly: true, sameSite: "Strict", path: "/" });
      url.searchParams.delete("token");
      const path = "/" + url.pathname.replace(/^\/+/, "");
      return context.redirect(isForm ? "/" : path + url.search, 303);
    }
    return context.html(askForToken(offered !== null), 401);
  };
}

/** Compares in a time that depends neither on the first difference nor on the lengths. */
function equalSecrets(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
