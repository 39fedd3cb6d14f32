#!/usr/bin/env node
// The command. A Python is probed while the rest of the program loads, which takes about as long.
import "./early-signals.js";
import "./service-manager.js"; // takes the service manager's variables out of what that Python gets
import { expectPython } from "../backends/python/locate/discovery.js";

const NEEDS_NO_PYTHON = ["-h", "--help", "-v", "--version", "doctor", "backends", "completion"];

const argv = process.argv.slice(2);
if (argv[0] === "__complete") {
  import("./complete.js").then(({ printCompletions }) => printCompletions(argv.slice(1)));
} else {
  const runsNothing = argv.some((argument) => NEEDS_NO_PYTHON.includes(argument));
  // A configuration may name another Python. Then this was useless, but only costs time on another processor core.
  if (!runsNothing && !argv.some((argument) => argument.startsWith("python.python="))) expectPython();
  import("./main.js").then(({ main }) => main());
}
