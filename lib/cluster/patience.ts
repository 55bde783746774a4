/** Errors of a server: those that pass, and those that last. */

/** Recognizes the error of a server that is away for a while. */
export function isTransient(error: unknown): boolean {
  return /timeout|no responders|no response|disconnect|connection (?!closed)|jetstream system temporarily|jetstream (is )?not enabled|heartbeats missed/i
    .test(textOf(error));
}

/** Recognizes an error after which another attempt may succeed. */
export function willPass(error: unknown): boolean {
  return isTransient(error) || isFull(error);
}

/** Recognizes the error of a server or a stream that has no room for more. */
export function isFull(error: unknown): boolean {
  return isDiskFull(error) || isQueueFull(error) ||
    /insufficient (storage )?resources/i.test(textOf(error));
}

/** Recognizes the error of a server whose disk is full, which is beyond its own limits. */
export function isDiskFull(error: unknown): boolean {
  return /no space left/i.test(textOf(error));
}

/** Recognizes the error of a stream that has as much as it may have. */
export function isQueueFull(error: unknown): boolean {
  return /maximum (messages|bytes) exceeded/i.test(textOf(error));
}

/** Recognizes the error of a stream, a consumer or a bucket that is not there. */
export function isGone(error: unknown): boolean {
  return /(stream|consumer|bucket|object store|key) not found|consumer deleted/i.test(
    textOf(error),
  );
}

/** Text of an error. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Waits, at most until the signal aborts. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
  });
}

function textOf(error: unknown): string {
  const { name = "", message = "" } = error instanceof Error ? error : {};
  return `${name} ${message}`;
}
