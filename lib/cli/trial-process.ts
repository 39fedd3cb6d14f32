// The process in which `mmpy doctor` starts a Python: CPython ends its process if it can't start. The parent is trial.ts.
import { withoutAdvice } from "../backends/python/locate/alternatives.js";
import { Router } from "../engine/router.js";
import { MidimonsterError } from "../errors.js";
import { silentLogger } from "../log/log.js";
import type { Trial, TrialAnswer } from "./trial.js";

const { folder, values, module } = JSON.parse(process.argv[2] ?? "") as Trial;

async function answer(): Promise<TrialAnswer> {
  const router = new Router({ logger: silentLogger, folder })
    .backend("python", values)
    .instance("python", "doctor", { module });
  try {
    await router.load();
    const { python } = router.describe();
    if (python === undefined) throw new Error("an instance without a Python");
    return { python };
  } catch (error) {
    if (!(error instanceof MidimonsterError)) throw error; // the parent shows the stack
    return { problem: { code: error.code, message: withoutAdvice(error.message) } };
  } finally {
    await router.stop();
  }
}

process.send?.(await answer());
