// Calls of code that is not this package's: backends, taps, loggers. It may be JavaScript that no compiler has checked.
// Whatever it throws, returns, rejects late or never answers ends neither the process nor the router, so every call of it
// goes through one of these functions.

/** How long a pending call may continue when the router is being stopped, in ms. */
const ABORT_TIMEOUT = 2000;

/**
 * Calls a function that has to answer at once.
 *
 * @param name the function's, for the message
 * @throws what it throws; an Error if it is asynchronous
 */
export function atOnce<T>(name: string, call: () => T): T {
  const result = call();
  if (!isPromise(result)) return result;
  ignoreRejection(result);
  throw new Error(`its ${name}() is asynchronous, but has to answer at once`);
}

/** As {@link atOnce}, of a function that answers with a list, or with nothing. */
export function listOf<T>(name: string, call: () => readonly T[] | undefined): readonly T[] {
  const list = atOnce(name, call) ?? [];
  if (!Array.isArray(list)) throw new Error(`its ${name}() returned ${kindOf(list)} where a list is expected`);
  return list;
}

/**
 * Calls a function whose answer does not count.
 *
 * @param failed called with what it throws; or with what its promise is rejected with, although its type may not allow one
 */
export function callOnly(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call();
    if (isPromise(result)) Promise.resolve(result).catch(failed);
  } catch (error) {
    failed(error);
  }
}

/**
 * Calls a function that may be asynchronous, and waits for it; but only a limited time once the router is being stopped.
 *
 * @throws what it throws; an Error if it does not end then
 */
export async function untilAborted<T>(call: () => T | PromiseLike<T>, signal: AbortSignal): Promise<Awaited<T>> {
  const result = call();
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

/**
 * Calls a function that may be asynchronous, and waits for it for a limited time.
 *
 * @returns whether it has ended in time
 * @throws what it throws until then
 */
export async function endsWithin(timeout: number, call: () => unknown): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, timeout, "late");
  });
  try {
    const result = call();
    // A rejection after the deadline must not end the process.
    ignoreRejection(result);
    return (await Promise.race([result, late])) !== "late";
  } finally {
    clearTimeout(timer);
  }
}

/** A value's kind, for messages about those that are of the wrong one. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
  } catch {
    return true; // its `then` can't be read: waiting for it fails likewise
  }
}

function ignoreRejection(value: unknown): void {
  if (isPromise(value)) Promise.resolve(value).catch(() => {});
}
