// Waiting for the code of backends, which may never finish.

/** Time that a call gets to finish after the abort signal, in ms. */
const ABORT_TIMEOUT = 2000;

/** After awaiting this, code that was called from within the core, or from one of its callbacks, runs outside of it. */
export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Prevents a rejection of a promise whose result is not needed from ending the process. */
export function ignoreRejection(value: unknown): void {
  if (isPromise(value)) Promise.resolve(value).catch(() => {});
}

/** The result of a call; rejects if the call does not end in time when the router is to stop. */
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
