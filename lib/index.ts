export {
  type BackendDeclaration,
  type ChannelForm,
  type ChannelUse,
  declareBackend,
  type InstanceOfBackend,
  type InstanceOptions,
  type InstancesProblem,
  type OptionPattern,
  type ParsedChannel,
  type PatternValue,
  type SectionProblem,
} from "./backends/declare.js";
export type {
  BackendModule,
  BackendSetup,
  Change,
  Channel,
  DeclaredInstance,
  EventBatch,
  InstanceSetup,
  InstanceStatus,
  NextOptions,
  OpenBackend,
  Problem,
  Refusal,
} from "./backends/instance.js";
export { type Address, type Option, type OptionSet, option, type Parsed, type Values } from "./backends/options.js";
export type { PythonChoice } from "./backends/python/locate/discovery.js";
export type { Backend, BackendContext, Instance, InstanceContext } from "./backends/simple.js";
export { type Diagnostic, type DiagnosticData, formatDiagnostic } from "./config/diagnostic.js";
export type { MapOptions } from "./config/one-mapping.js";
export type { OptionValue, OptionValues } from "./config/option-values.js";
export type { Location, Source } from "./config/source.js";
export type { RouterDescription } from "./engine/description.js";
export type { CheckMode } from "./engine/engine.js";
export type { ReloadSummary } from "./engine/reload-summary.js";
export { Router } from "./engine/router.js";
export type { FileOptions, RouterOptions } from "./engine/router-options.js";
export type { TappedEvent } from "./engine/taps.js";
export { type ErrorCode, MidimonsterError } from "./errors.js";
export {
  LOG_LEVELS,
  type LogFormat,
  type Logger,
  type LogLevel,
  silentLogger,
  standardErrorLogger,
} from "./log/log.js";
