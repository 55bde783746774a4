import type { MiddlewareHandler } from "hono";

/** Limits of a request, beyond anything that these pages send. */
export interface RequestLimits {
  /** Bytes of the body: more text than a model reads. */
  bodyBytes: number;
  /** Milliseconds until the body is there whole. */
  bodyMilliseconds: number;
  /** Characters of path and query. */
  address: number;
  /** Characters of all headers. */
  headers: number;
}

const LIMITS: RequestLimits = {
  bodyBytes: 64 * 1024,
  bodyMilliseconds: 10_000,
  address: 8 * 1024,
  headers: 32 * 1024,
};

/**
 * Refuses requests that exceed a limit. A body is read only as far as the limit, whatever its length
 * is said to be, and what it goes to finds it in memory.
 */
export function limitedRequests(limits: Partial<RequestLimits> = {}): MiddlewareHandler {
  const { bodyBytes, bodyMilliseconds, address, headers } = { ...LIMITS, ...limits };
  return async (context, next) => {
    const { raw } = context.req;
    if (raw.url.length - new URL(raw.url).origin.length > address) {
      return context.text("The address is too long.\n", 414);
    }
    let characters = 0;
    for (const [name, value] of raw.headers) characters += name.length + value.length;
    if (characters > headers) return context.text("The headers are too long.\n", 431);
    if (Number(raw.headers.get("content-length") ?? 0) > bodyBytes) return tooLarge();
    if (raw.body !== null) {
      const body = await readBody(raw.body, bodyBytes, bodyMilliseconds);
      if (body === "large") return tooLarge();
      if (body === "late") return context.text("The request took too long.\n", 408);
      context.req.raw = new Request(raw.url, {
        method: raw.method,
        headers: raw.headers,
        body,
      });
    }
    await next();
  };
}

/** Ends the connection, so that what is left of the body is not waited for. */
function tooLarge(): Response {
  return new Response("The request is too large.\n", {
    status: 413,
    headers: { connection: "close" },
  });
}

async function readBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
  milliseconds: number,
): Promise<Uint8Array<ArrayBuffer> | "large" | "late"> {
  const reader = body.getReader();
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(late.resolve, milliseconds, "late");
  const bytes = new Uint8Array(maxBytes);
  let length = 0;
  try {
    for (;;) {
      const piece = await Promise.race([reader.read(), late.promise]);
      if (piece === "late") return piece;
      if (piece.done) return bytes.slice(0, length);
      if (length + piece.value.length > maxBytes) return "large";
      bytes.set(piece.value, length);
      length += piece.value.length;
    }
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}
