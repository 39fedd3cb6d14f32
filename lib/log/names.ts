// Separate from log.ts, so that code that only needs the names does not load the log library.

export const LOG_LEVELS = ["error", "warn", "info", "debug", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ["text", "json", "journal"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
