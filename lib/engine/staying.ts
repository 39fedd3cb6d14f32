// Whether what runs can continue under another configuration.
import type { BackendDeclaration, OptionPattern } from "../backends/declare.js";
import type { Option } from "../backends/options.js";
import { knownOption } from "../backends/read-options.js";
import type { InstanceDefinition, Setting } from "../config/definition.js";

/** Whether an instance can take new settings while it runs. */
export function canStay(
  before: InstanceDefinition,
  next: InstanceDefinition,
  declaration: BackendDeclaration,
): boolean {
  if (before.folder !== next.folder) return false;
  const { instanceOptions: options, optionPatterns: patterns } = declaration;
  const [had, has] = [before, next].map(({ settings }) => grouped(settings, { options, patterns }));
  const groups = new Set([...(had?.keys() ?? []), ...(has?.keys() ?? [])]);
  return [...groups].every((group) => {
    const [left = [], right = []] = [had?.get(group), has?.get(group)];
    if (group?.live === true) return true;
    if (group?.live === "append") return sameSettings(left, right.slice(0, left.length));
    // Of an option that does not repeat, only the last one counts.
    if (group !== undefined && "repeatable" in group && !group.repeatable) {
      return sameSettings(left.slice(-1), right.slice(-1));
    }
    return sameSettings(left, right);
  });
}

/** Settings by what is declared for them: the order between groups is of no meaning. Others are one group, as patterns are. */
function grouped(settings: readonly Setting[], section: Parameters<typeof knownOption>[0]) {
  const groups = new Map<Option | OptionPattern | undefined, Setting[]>();
  for (const setting of settings) {
    const known = knownOption(section, setting);
    const group = known?.pattern ?? known?.option;
    const there = groups.get(group);
    if (there === undefined) groups.set(group, [setting]);
    else there.push(setting);
  }
  return groups;
}

/** Whether settings are the same, wherever they stand. */
export function sameSettings(left: readonly Setting[], right: readonly Setting[]): boolean {
  const same = ({ option, value, folder }: Setting, other: Setting | undefined) =>
    option === other?.option && value === other.value && folder === other.folder;
  return left.length === right.length && left.every((setting, i) => same(setting, right[i]));
}
