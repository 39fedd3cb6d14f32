// What has to happen after tests, whichever file they are in. Mocha takes it by --require, in every process that runs tests.
import { killChildren, removeFolders } from "./helpers.js";
import { leaveOutDifferences } from "./modes.js";
import { stopSessions } from "./session.js";

/** Far off: on a busy machine a stop or the removal of hundreds of folders takes its time. */
const TIMEOUT_MS = 300_000;

export const mochaHooks = {
  beforeAll(this: Mocha.Context) {
    const root = this.test?.parent;
    if (root !== undefined) leaveOutDifferences(root);
  },
  async afterEach(this: Mocha.Context) {
    this.timeout(TIMEOUT_MS);
    await stopSessions();
  },
  async afterAll(this: Mocha.Context) {
    this.timeout(TIMEOUT_MS);
    killChildren();
    await removeFolders();
  },
};
