// Standard error connected to systemd's journal: sd-daemon(3), "$JOURNAL_STREAM" in systemd.exec(5).
import { fstatSync } from "node:fs";

/**
 * Whether a descriptor is the connection to the journal that systemd made for this process, rather than a pipe or file it was
 * redirected to.
 *
 * @param stream the connection's device and inode, `DEVICE:INODE`
 */
export function isJournal(descriptor: number, stream = process.env.JOURNAL_STREAM): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false; // closed
  }
}

const PRIORITIES: Readonly<Record<string, number>> = { ERROR: 3, WARN: 4, INFO: 6, DEBUG: 7 };

/**
 * Prefixes every line with its priority, since each becomes an entry of the journal.
 *
 * @param level `ERROR`, `WARN`, `INFO` or `DEBUG`
 */
export function withPriority(level: string, text: string): string {
  return text
    .split("\n")
    .map((line) => `<${PRIORITIES[level]}>${line}`)
    .join("\n");
}
