import type { RouterDescription } from "../engine/description.js";
import { table } from "./table.js";

/** Rows shown per instance; the rest is counted. */
const MAX_CHANNELS_SHOWN = 40;

/** A loaded router as tables for a person. */
export function formatDescription({ backends, instances, mappings, python }: RouterDescription): string {
  const lines: string[] = [];
  if (python !== undefined) lines.push(`Python ${python.version}, ${python.executable}`, "");
  lines.push(
    ...table(
      ["INSTANCE", "BACKEND", "CHANNELS", "OPTIONS"],
      instances.map(({ name, backend, channels, options }) => [
        name,
        backend,
        String(channels.length),
        optionsOf(options),
      ]),
    ),
    "",
  );
  if (backends.length > 0) {
    const rows = backends.map(({ name, options }) => [`[backend ${name}]`, optionsOf(options)]);
    lines.push(...table(["BACKEND", "OPTIONS"], rows), "");
  }
  const rows = instances.flatMap(({ name, channels }) => {
    const shown = channels.slice(0, MAX_CHANNELS_SHOWN).map((channel) => [`${name}.${channel.name}`, useOf(channel)]);
    const rest = channels.length - shown.length;
    return rest > 0 ? [...shown, [`${name}: ${rest} more`, ""]] : shown;
  });
  lines.push(...table(["CHANNEL", "USE"], rows), "");
  const filtered = mappings.some(({ filters }) => filters !== undefined);
  lines.push(
    ...table(
      ["FROM", "", "TO", "PAIRS", ...(filtered ? ["FILTERS"] : [])],
      mappings.map(({ from, to, bidirectional, count, filters = [] }) => {
        const arrow = bidirectional ? "<>" : ">";
        return [from, arrow, to, String(count), ...(filtered ? [filters.join(` ${arrow} `)] : [])];
      }),
    ),
  );
  return `${lines.join("\n")}\n`;
}

function optionsOf(options: readonly { readonly option: string; readonly value: string }[]): string {
  return options.map(({ option, value }) => `${option} = ${value}`).join(", ");
}

function useOf({ uses, note }: { readonly uses: readonly string[]; readonly note?: string }): string {
  if (uses.length === 0) return note ?? "not mapped";
  return note === undefined ? uses.join(", ") : `${uses.join(", ")} (${note})`;
}
