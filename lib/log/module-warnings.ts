// Warnings about calls of the midimonster module, each with the place in user code, if that is known.
import type { Report } from "../binding.js";
import { nearest } from "../config/suggest.js";

export function unknownChannel(instance: string, { subject, file }: Report, channels: readonly string[]): string {
  const help = helpOn(instance, subject, channels);
  return `${at(instance, file)}output() on channel '${subject}', which is not mapped anywhere; it is ignored${help}`;
}

function helpOn(instance: string, subject: string, channels: readonly string[]): string {
  const own = subject.startsWith(`${instance}.`) ? subject.slice(instance.length + 1) : undefined;
  if (own !== undefined && channels.includes(own)) return `; did you mean '${own}', without the instance's name?`;
  const meant = nearest(subject, channels);
  if (meant !== undefined) return `; did you mean '${meant}'?`;
  // Taken for a way to address another instance.
  return subject.includes(".")
    ? "; output() takes channels of this instance only, and [map] in the configuration sends them on"
    : "";
}

export function clamped(instance: string, { subject, value = 0, file }: Report): string {
  const divisor =
    value <= 1 ? "" : value <= 127 ? "; divide a MIDI value by 127" : value <= 255 ? "; divide a DMX level by 255" : "";
  return (
    `${at(instance, file)}output() of ${inPython(value)} on channel '${subject}': values go from 0.0 to 1.0, so it counts as ` +
    `${value < 0 ? "0.0" : "1.0"}${divisor} (logged once a channel)`
  );
}

export function rounded(instance: string, { subject, value = 0, text, file }: Report): string {
  const given = shortly(value);
  return (
    `${at(instance, file)}interval(${subject}, ${given}) is called every ${text} ms, since periods are rounded to multiples of 10 ms; ` +
    `interval(${subject}, ${given}, exact=True) keeps ${given} ms`
  );
}

function at(instance: string, file: string | undefined): string {
  return file ? `${instance}: ${file}: ` : `${instance}: `;
}

function inPython(value: number): string {
  return String(value).replace("Infinity", "inf");
}

/** A period as people write it. */
function shortly(milliseconds: number): string {
  return String(Number(milliseconds.toPrecision(6)));
}
