import { UnchangedError } from "./errors.js";

/**
 * The error of work that was interrupted and came to nothing.
 * @param state what that leaves
 * @param cause the statement's error, where the interruption cancelled one
 */
export function interruption(state: string, cause?: unknown): UnchangedError {
  return new UnchangedError({
    code: "interrupted",
    message: "Interrupted.",
    state,
    remedy: "Run it again when you are ready.",
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Ends work whose signal was aborted.
 * @param state what that leaves
 * @param cause the statement's error, where the abort cancelled one
 * @throws UnchangedError `interrupted`
 */
export function stopWhenAborted(signal: AbortSignal | undefined, state: string, cause?: unknown): void {
  if (signal?.aborted) throw interruption(state, cause);
}
