import { portHolders } from "../shared/port-holder.js";

/**
 * A warning if another process has bound the same address: not an error, as in MIDIMonster, but only one of the two hears anything.
 *
 * @param address where this instance listens
 * @param port a port that the configuration names
 */
export function sharingWarning(name: string, address: string, port: number): string | undefined {
  const other = portHolders(port, "/proc", address).find(
    ({ protocol, pid }) => protocol === "UDP" && pid !== process.pid,
  );
  if (other === undefined) return undefined;
  return (
    `${name}: port ${port} is also bound by process ${other.pid} (${other.command}): except broadcasts, messages reach only one of the two, ` +
    "usually the one that was started last; end the other, or use another port"
  );
}
