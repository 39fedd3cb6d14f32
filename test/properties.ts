// fast-check for all tests. What it tries is the same in every run, so that a test fails where the code has changed and not by
// chance; `FUZZ_SEED=random`, or a number, tries others.
import fc from "fast-check";

const { FUZZ_SEED = "1" } = process.env;
const seed = FUZZ_SEED === "random" ? Math.trunc(Math.random() * 2 ** 31) : Number(FUZZ_SEED);
if (!Number.isInteger(seed)) throw new Error(`FUZZ_SEED is a whole number or 'random', not '${FUZZ_SEED}'`);
if (FUZZ_SEED === "random") console.log(`FUZZ_SEED=${seed}`);
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });

export { fc };
