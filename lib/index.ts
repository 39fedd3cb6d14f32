export type {
  Backend,
  BackendContext,
  ChannelUse,
  EventBatch,
  Instance,
  InstanceContext,
} from "./backends/backend.js";
export { type Diagnostic, formatDiagnostic } from "./config/diagnostic.js";
export type { Location, Source } from "./config/source.js";
export type { RouterDescription } from "./description.js";
export { type ErrorCode, MidimonsterError } from "./errors.js";
export { LOG_LEVELS, type Logger, type LogLevel, silentLogger, standardErrorLogger } from "./log.js";
export type { PythonChoice } from "./python/discovery.js";
export {
  type FileOptions,
  type OptionValues,
  type ReloadSummary,
  Router,
  type RouterOptions,
} from "./router.js";
export type { TappedEvent } from "./taps.js";
