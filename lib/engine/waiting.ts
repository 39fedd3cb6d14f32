// Waiting for backends, which may never answer.

/** How long a pending call may continue when the router is being stopped, in ms. */
const ABORT_TIMEOUT = 2000;

/** Waits until no callback of the core is on the stack. */
export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Prevents the rejection of a promise from ending the process. */
export function ignoreRejection(value: unknown): void {
  if (isPromise(value)) Promise.resolve(value).catch(() => {});
}

/** Waits for the result of a call; gives up on calls that do not end when the router is being stopped. */
export async function untilAborted<T>(result: T | PromiseLike<T>, signal: AbortSignal): Promise<Awaited<T>> {
  if (!isPromise(result)) return result as Awaited<T>;
  ignoreRejection(result);
  let forget = () => {};
  const aborted = new Promise<never>((_, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      timer = setTimeout(() => reject(new Error("it did not end when the router was stopped")), ABORT_TIMEOUT);
    };
    // The call may have stopped the router itself.
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
