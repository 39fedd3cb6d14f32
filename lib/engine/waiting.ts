// Waiting for code of backends, which may never answer.

/** How long a call that was told to stop may go on, in ms. */
const ABORT_TIMEOUT = 2000;

/** Called from within the core, or after an await in one of its callbacks, what follows runs outside of it. */
export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Sees to it that a promise which is of no interest can't end the process by a rejection. */
export function ignoreRejection(value: unknown): void {
  if (isPromise(value)) Promise.resolve(value).catch(() => {});
}

/** The result of a call, but not of one that does not end when the router is to stop. */
export async function untilAborted<T>(result: T | PromiseLike<T>, signal: AbortSignal): Promise<Awaited<T>> {
  if (!isPromise(result)) return result as Awaited<T>;
  ignoreRejection(result);
  let forget = () => {};
  const aborted = new Promise<never>((_, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      timer = setTimeout(() => reject(new Error("it did not end when the router was stopped")), ABORT_TIMEOUT);
    };
    // The call itself may have stopped the router.
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    forget = () => {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(timer);
    };
  });
  try {
    return await Promise.race([result, aborted]);
  } finally {
    forget();
  }
}
