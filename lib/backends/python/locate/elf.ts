import { closeSync, openSync, readSync } from "node:fs";
import { requireRegular } from "../../../regular-file.js";

/** The architecture an ELF file was built for. */
export interface Architecture {
  readonly bits: 32 | 64;
  /** As in Node's `process.arch`, or the ELF machine number if Node has no name for it. */
  readonly name: string;
}

// e_machine values of the ELF specification.
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

/** Reads the architecture of a program or library; undefined if it is unreadable or not an ELF file. */
export function readElfArchitecture(file: string): Architecture | undefined {
  const header = Buffer.alloc(20);
  try {
    requireRegular(file);
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
