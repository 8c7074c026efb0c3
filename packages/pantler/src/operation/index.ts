export {
  EnvironmentError,
  type ErrorParts,
  type ExitCode,
  exitCodes,
  InputError,
  NeedsHandsError,
  PantlerError,
  RefusedError,
  UnchangedError,
} from "./errors.js";
export { type Journal, openJournal } from "./journal.js";
export {
  type FindingLevel,
  type Listener,
  Operation,
  type OperationEvent,
  type Step,
  type StepStatus,
} from "./operation.js";
export { withReleases } from "./releases.js";
