import type { NatsConnection } from "../packages/nats.ts";

/**
 * Notices of what has been stored, for a reader that would otherwise have to look for it. Some may be
 * lost, so the reader must still look now and then.
 */
export class Arrivals implements Disposable {
  #told: string[] = [];
  #wake: (() => void) | null = null;
  readonly #end: () => void;

  /** Listens to notices on a subject. */
  constructor(nats: NatsConnection, subject: string) {
    const subscription = nats.subscribe(subject, {
      callback: (_, message) => {
        this.#told.push(...message.string().split("\n"));
        this.#wake?.();
      },
    });
    this.#end = () => subscription.unsubscribe();
  }

  /**
   * Waits for a notice since the last call, for at most this many milliseconds. Returns the subjects of
   * what was stored; none where no notice came.
   */
  async next(milliseconds: number): Promise<string[]> {
    if (this.#told.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    return this.#told.splice(0);
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}

/** Tells readers what has been stored. */
export function tellStored(
  nats: NatsConnection,
  subject: string,
  stored: readonly string[],
): void {
  nats.publish(subject, stored.join("\n"));
}
