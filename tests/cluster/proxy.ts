/** A way to a server, which can be cut and joined again, as a network can. */
export class Proxy implements AsyncDisposable {
  readonly port: number;
  #isCut = false;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #done: Promise<void>;

  /** Listens on a free port for those who want to reach the other one. */
  constructor(to: number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#done = this.#accept(to);
  }

  /** Address of the server through this way. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Breaks all connections, and lets nobody through for a while. */
  async cut(milliseconds: number): Promise<void> {
    this.#isCut = true;
    this.#closeAll();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    this.#isCut = false;
  }

  async #accept(to: number): Promise<void> {
    for await (const client of this.#listener) {
      if (this.#isCut) {
        client.close();
        continue;
      }
      const server = await Deno.connect({ hostname: "127.0.0.1", port: to });
      for (const [from, into] of [[client, server], [server, client]]) {
        this.#connections.add(from);
        from.readable.pipeTo(into.writable).catch(() => {});
      }
    }
  }

  #closeAll(): void {
    for (const connection of this.#connections) {
      try {
        connection.close();
      } catch {
        // It is closed.
      }
    }
    this.#connections.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#closeAll();
    await this.#done;
  }
}
