// Which instance gets CPython's main interpreter: a process has one, and it never ends.
import type { MainHolder } from "../../binding.js";
import type { InstanceDefinition } from "../../config/definition.js";
import type { InstanceSetup } from "../instance.js";
import type { instanceOptions } from "./index.js";

type Setup = InstanceSetup<typeof instanceOptions>;

/**
 * Whether an instance that is about to be created gets it. Reports an error or a warning if it asks for it in vain; it then
 * gets an interpreter of its own, so that further errors are found.
 */
export function getsMain({ name, options, engine, siblings, report }: Setup): boolean {
  const wanted = options.interpreter;
  if (wanted === "own") return false;
  const holder = engine.binding.mainHolder(engine.core);
  if (holder === null) return wanted === "main" || !siblings.some(asksForMain);
  if (wanted === undefined) return false;
  if (!holder.isHere) {
    report({
      message: `CPython's main interpreter is in use by instance '${holder.name}' of another router in this process`,
      option: "interpreter",
      help: ["a process has only one: stop that router first, or give one of the two 'interpreter = own'"],
    });
  } else if (holder.name === name) {
    report({
      severity: "warning",
      message: `instance '${name}' runs in an interpreter of its own until the next start, since the instance that it replaces still uses CPython's main interpreter`,
      option: "interpreter",
    });
  } else {
    const asks = siblings.some((one) => one.name === holder.name && asksForMain(one));
    report({
      message: `CPython's main interpreter is in use by instance '${holder.name}'`,
      option: "interpreter",
      help: [
        asks
          ? "only one instance of a process can have it; the others need 'interpreter = own', or no such option"
          : "it is given to an instance for as long as that runs: restart to give it to this one",
      ],
    });
  }
  return false;
}

/** Another instance that has the main interpreter, or will, since the configuration says so. */
export function otherWithMain({ name, engine, siblings }: Setup): MainHolder | undefined {
  const holder = engine.binding.mainHolder(engine.core);
  if (holder !== null) return holder.isHere && holder.name === name ? undefined : holder;
  const asking = siblings.find((one) => one.name !== name && asksForMain(one));
  return asking && { name: asking.name, isHere: true };
}

function asksForMain({ settings }: InstanceDefinition): boolean {
  return settings.findLast(({ option }) => option === "interpreter")?.value === "main";
}
