import type { NatsConnection } from "../packages/nats.ts";

/** Signal that messages have arrived on a subject, for a reader that would have to poll otherwise. */
export class Arrivals implements Disposable {
  #hasCome = false;
  #wake: (() => void) | null = null;
  readonly #end: () => void;

  /** Listens to a subject. */
  constructor(nats: NatsConnection, subject: string) {
    const subscription = nats.subscribe(subject, {
      callback: () => {
        this.#hasCome = true;
        this.#wake?.();
      },
    });
    this.#end = () => subscription.unsubscribe();
  }

  /** Waits until a message has come since the last call, for at most this many milliseconds. */
  async next(milliseconds: number): Promise<void> {
    if (!this.#hasCome) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    this.#hasCome = false;
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}
