/** Finds a TCP port of this machine that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/**
 * Waits for about ten seconds until a process listens on a port of this machine. Returns false when none
 * does by then, or once the signal aborts.
 */
export async function listensSoon(port: number, signal?: AbortSignal): Promise<boolean> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (signal?.aborted) return false;
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return false;
}
