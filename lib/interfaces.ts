import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

let last: Interfaces = {};

/**
 * The network interfaces and their addresses. Asking for them takes a descriptor: where none is left, which must not end a timer's
 * callback and so the process, they are as they were, so that sockets stay.
 */
export function interfaces(): Interfaces {
  try {
    last = networkInterfaces();
  } catch {
    // Some user code has opened all descriptors that there may be; whatever else needs one tells of it.
  }
  return last;
}
