import { COMMANDS, OPTION_LIST, written } from "./catalog.js";
import { print } from "./output.js";
import { wrap } from "./table.js";

const WIDTH = 100;
const LEFT = 33;

export function help(): number {
  const commands = Object.entries(COMMANDS);
  print(`Usage: mmpy [options] [config]
${commands.map(([name, { usage }]) => `       mmpy ${name} ${usage}`).join("\n")}

Runs a MIDIMonster configuration: instances of backends, and the mappings between them.

Commands:
${commands.map(([name, { doc }]) => row(name, doc)).join("\n")}

Arguments:
${row("config", "the configuration file (default: monster.cfg)")}

Options:
${OPTION_LIST.map(([name, facts]) => row(spelling([name, facts]), facts.doc)).join("\n")}

The log goes to standard error; what modules print goes to standard output. SIGINT (Ctrl-C) and
SIGTERM stop cleanly, with exit status 0; a second one ends at once. SIGHUP reads the configuration
and changed modules again; if there is an error in them, everything goes on as before. Exit status
1 means that the configuration or a module has errors, 2 that the command line is invalid.

Environment:
${row("MMPY_PYTHON", "the Python to use: an interpreter, a virtual environment's folder, or a version (3.12)")}
${row("NO_COLOR", "no colours in the log")}

Example:
  mmpy -i lfo.module=slow_lfo monster.cfg
`);
  return 0;
}

function spelling([name, facts]: (typeof OPTION_LIST)[number]): string {
  const short = facts.onlyShort ? "" : facts.short === undefined ? "    " : `-${facts.short}, `;
  return `${short}${written([name, facts])}${facts.value === undefined ? "" : ` ${facts.value}`}`;
}

function row(left: string, right: string): string {
  const [first = "", ...more] = wrap(right, WIDTH - LEFT);
  return [`  ${left}`.padEnd(LEFT) + first, ...more.map((line) => " ".repeat(LEFT) + line)].join("\n");
}
