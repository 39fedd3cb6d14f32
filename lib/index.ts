export type {
  Backend,
  BackendContext,
  ChannelUse,
  EventBatch,
  Instance,
  InstanceContext,
} from "./backends/backend.js";
export { type Diagnostic, formatDiagnostic } from "./config/diagnostic.js";
export type { OptionValues } from "./config/option-values.js";
export type { Location, Source } from "./config/source.js";
export type { RouterDescription } from "./description.js";
export { type ErrorCode, MidimonsterError } from "./errors.js";
export { LOG_LEVELS, type LogFormat, type Logger, type LogLevel, silentLogger, standardErrorLogger } from "./log.js";
export type { PythonChoice } from "./python/discovery.js";
export type { ReloadSummary } from "./reload-summary.js";
export {
  type FileOptions,
  Router,
  type RouterOptions,
} from "./router.js";
export type { TappedEvent } from "./taps.js";
