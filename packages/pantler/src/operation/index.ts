export {
  EnvironmentError,
  InputError,
  NeedsHandsError,
  PantlerError,
  RefusedError,
  UnchangedError,
} from "./errors.js";
export { interruption, stopWhenAborted } from "./interrupted.js";
export { openJournal } from "./journal.js";
export { newId } from "./new-id.js";
export {
  type Listener,
  Operation,
  type OperationEvent,
  type Step,
} from "./operation.js";
export { withReleases } from "./releases.js";
export { atMost, counted, grouped, messageOf, timeInWords } from "./words.js";
