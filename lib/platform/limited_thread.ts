import { MessageChannel, type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { reportReady, startThread, type Thread, threadData } from "./workers.ts";
import type { Limits } from "./interfaces.ts";

export type { Limits };

/** Failure of a call that exceeded a limit. Its thread is gone. */
export class LimitError extends Error {
  override name = "LimitError";
}

/** Data that a thread is started with. */
interface Line {
  /** End on which requests arrive and answers leave. */
  port: MessagePort;
  /** 1 once an answer has been sent. */
  answered: Int32Array;
}

/** Answer to a request. */
type Answer = { value: unknown } | { failure: string };

/**
 * Maximum heap of a thread, in MiB. A thread that is collecting garbage near V8's own limit does not
 * notice that it is to end, and would take the process along.
 */
const MAX_HEAP_MIB = 2048;

/** Memory that nobody writes, to wait on. */
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/** Milliseconds between two looks at the limits. */
const INTERVAL = 50;

/**
 * Thread for work on untrusted input whose duration cannot be told in advance, such as matching a
 * regular expression or decompressing: a call that exceeds its limits ends with the thread.
 */
export class LimitedThread {
  /** Ends threads that nobody can call any more. */
  static readonly #forgotten = new FinalizationRegistry<Thread>((thread) => thread.terminate());
  #exceeded: LimitError | null = null;

  private constructor(
    private readonly thread: Thread,
    private readonly port: MessagePort,
    private readonly answered: Int32Array,
  ) {}

  /** Starts a thread on a module that calls {@linkcode answerCalls}. It does not keep the program alive. */
  static async start(module: URL): Promise<LimitedThread> {
    const { port1, port2 } = new MessageChannel();
    const answered = new Int32Array(new SharedArrayBuffer(4));
    const thread = startThread(
      module,
      { port: port2, answered } satisfies Line,
      [port2],
      MAX_HEAP_MIB,
    );
    await thread.ready;
    thread.unref();
    const limited = new LimitedThread(thread, port1, answered);
    LimitedThread.#forgotten.register(limited, thread);
    return limited;
  }

  /**
   * Sends a request and blocks until its answer is there.
   *
   * @throws {LimitError} when it takes longer or more memory
   * @throws {Error} with the message of what the thread has thrown
   */
  callSync(request: unknown, limits: Limits): unknown {
    const check = this.#send(request, limits);
    while (Atomics.wait(this.answered, 0, 0, INTERVAL) === "timed-out") check();
    return this.#receive();
  }

  /**
   * Sends a request and waits for its answer; otherwise as {@linkcode callSync}.
   *
   * @throws {Error} when the thread ends before it has answered
   */
  async call(request: unknown, limits: Limits): Promise<unknown> {
    const check = this.#send(request, limits);
    for (
      let pause = 1;
      Atomics.load(this.answered, 0) === 0;
      pause = Math.min(2 * pause, INTERVAL)
    ) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (this.thread.hasEnded() && Atomics.load(this.answered, 0) === 0) {
        throw new Error("the thread ended before it answered");
      }
      check();
    }
    return this.#receive();
  }

  /** Ends the thread. */
  close(): void {
    this.thread.terminate();
    this.port.close();
  }

  /** Sends a request. Returns a function that throws once a limit is exceeded. */
  #send(request: unknown, { seconds, bytes = Infinity }: Limits): () => void {
    if (this.#exceeded) throw this.#exceeded;
    const [started, memory] = [performance.now(), Deno.memoryUsage().rss];
    Atomics.store(this.answered, 0, 0);
    this.port.postMessage(request);
    return () => {
      const grown = Deno.memoryUsage().rss - memory;
      const late = performance.now() - started > 1000 * seconds;
      if (!late && grown <= bytes || Atomics.load(this.answered, 0) === 1) return;
      this.close();
      throw this.#exceeded = new LimitError(
        late
          ? `it takes more than ${seconds.toFixed(0)} seconds`
          : `it takes more than ${(bytes / 2 ** 20).toFixed(0)} MiB of memory`,
      );
    };
  }

  #receive(): unknown {
    let received = receiveMessageOnPort(this.port);
    // On a busy machine the flag is seen before the message, once in some ten thousand times.
    for (let tries = 0; received === undefined && tries < 1000; tries++) {
      Atomics.wait(PAUSE, 0, 0, 1);
      received = receiveMessageOnPort(this.port);
    }
    if (received === undefined) throw new Error("the thread ended before it answered");
    const answer: Answer = received.message;
    if ("failure" in answer) throw new Error(answer.failure);
    return answer.value;
  }
}

/**
 * Answers the calls of the program that started this thread.
 *
 * @param make makes the function that answers; what it remembers is that of one thread
 */
export function answerCalls<Request>(make: () => (request: Request) => unknown): void {
  const { port, answered } = threadData() as Line;
  const answer = make();
  port.on("message", async (request: Request) => {
    let result: Answer;
    try {
      result = { value: await answer(request) };
    } catch (error) {
      result = { failure: (error as Error).message };
    }
    port.postMessage(result);
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
  });
  reportReady();
}
