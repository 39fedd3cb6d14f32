/**
 * What to do about a module that does not import, going by its traceback.
 *
 * @param executable the Python in use
 * @returns lines of help; none where the traceback says it all
 */
export function importAdvice(traceback: string, executable: string): string[] {
  const error = traceback.slice(traceback.lastIndexOf("\n") + 1);
  if (REFUSES_SECOND_INTERPRETER.test(error)) {
    return [
      "an extension module may refuse a second interpreter in a process, and every instance is one:",
      "import it in one instance only, and see 'only one interpreter' in docs/troubleshooting.md",
    ];
  }
  const missing = /^ModuleNotFoundError: No module named '([^'.]+)/.exec(error)?.[1];
  if (missing !== undefined) return [`is it installed for the Python in use? ${executable} -m pip install ${missing}`];
  return [];
}

// numpy up to 1.24 and other users of Cython; later ones; modules that CPython itself keeps out.
const REFUSES_SECOND_INTERPRETER =
  /can only be loaded into one interpreter per process|cannot load module more than once per process|does not support loading in subinterpreters/;
