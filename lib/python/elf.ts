import { closeSync, openSync, readSync } from "node:fs";

/** What an ELF file was built for. */
export interface Architecture {
  readonly bits: 32 | 64;
  /** As Node's `process.arch` names it, or a number of the ELF standard if Node has no name. */
  readonly name: string;
}

// e_machine of the ELF standard.
const MACHINES: ReadonlyMap<number, string> = new Map([
  [3, "ia32"],
  [8, "mips"],
  [21, "ppc64"],
  [22, "s390x"],
  [40, "arm"],
  [62, "x64"],
  [183, "arm64"],
  [243, "riscv64"],
  [258, "loong64"],
]);

/** Reads what a program or library was built for; undefined if it is no ELF file, or none that can be read. */
export function readElfArchitecture(file: string): Architecture | undefined {
  const header = Buffer.alloc(20);
  try {
    const fd = openSync(file, "r");
    try {
      if (readSync(fd, header, 0, header.length, 0) < header.length) return undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
  if (header.toString("latin1", 0, 4) !== "\x7fELF") return undefined;
  const machine = header[5] === 2 ? header.readUInt16BE(18) : header.readUInt16LE(18);
  return { bits: header[4] === 1 ? 32 : 64, name: MACHINES.get(machine) ?? `machine ${machine}` };
}

export function describeArchitecture({ bits, name }: Architecture): string {
  return `${bits}-bit (${name})`;
}
