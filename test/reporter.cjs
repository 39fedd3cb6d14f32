// Mocha's spec reporter, then one plain line that counts: skipped tests are never counted as passed.
const { reporters } = require("mocha");

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      if (passes + failures + pending === 0) console.log("FAILED: there was no test to run");
      console.log(`\n${passes} passed, ${failures} failed, ${pending} skipped`);
    });
  }
};
