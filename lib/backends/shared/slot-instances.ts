// What instances of DMX universes have to keep to, together.
import type { InstanceOfBackend, InstancesProblem } from "../declare.js";
import type { OptionSet } from "../options.js";

interface Backend {
  readonly name: string;
  /** The number of its options `bind`. */
  readonly binds: number;
}

/** Each instance needs a `bind` of the backend and, there, a universe of its own. @param universeOf names the universe */
export function checkUniverses<O extends OptionSet, I extends InstanceOfBackend<O>>(
  { name: backend, binds }: Backend,
  instances: readonly (I & { readonly options: { readonly interface: number } })[],
  universeOf: (instance: I) => string,
): InstancesProblem[] {
  const problems: InstancesProblem[] = [];
  const [first] = instances;
  if (binds === 0 && first !== undefined) {
    const help = [`write [backend ${backend}] and, below it, bind = 0.0.0.0`];
    return [{ instance: first.name, problem: `backend '${backend}' has no address to use`, help }];
  }
  const known = new Map<string, string>();
  for (const each of instances) {
    const { name: instance } = each;
    const { interface: index } = each.options;
    if (index >= binds) {
      const problem = `'interface' is ${index}, but [backend ${backend}] has ${binds} 'bind', counted from 0`;
      problems.push({ instance, option: "interface", problem });
    }
    const universe = universeOf(each);
    const key = `${index} ${universe}`;
    const other = known.get(key);
    if (other !== undefined) {
      const problem = `${universe} is that of instance '${other}' too`;
      problems.push({ instance, problem, help: ["one instance can receive a universe and send it"] });
    }
    known.set(key, instance);
  }
  return problems;
}
