/** What a process that ends with this error tells its caller. The numbers are part of the command line's contract. */
export const exitCodes = {
  done: 0,
  no: 1,
  wrongWords: 2,
  refused: 3,
  unreachable: 4,
  unchanged: 5,
  needsHands: 6,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export interface ErrorParts {
  /** Stable name of the case, such as `lock-not-granted`; callers decide on it, never on the text. */
  readonly code: string;
  /** What happened, one sentence; for SQL with file and line. */
  readonly message: string;
  /** What state things are in now. */
  readonly state: string;
  /** What to do next. */
  readonly remedy: string;
  /** Longer material: Postgres' detail and hint, the source line with a caret. */
  readonly detail?: string;
  /** The SQLSTATE, where Postgres raised the error. */
  readonly sqlstate?: string;
  readonly cause?: unknown;
}

/** The root of every error that this library raises on purpose. A subclass says how bad things are. */
export abstract class PantlerError extends Error {
  abstract readonly exit: ExitCode;
  readonly code: string;
  readonly state: string;
  readonly remedy: string;
  readonly detail: string | undefined;
  readonly sqlstate: string | undefined;

  constructor(parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = new.target.name;
    this.code = parts.code;
    this.state = parts.state;
    this.remedy = parts.remedy;
    this.detail = parts.detail;
    this.sqlstate = parts.sqlstate;
  }
}

/** The request, the configuration or a file on disk is wrong; nothing was started. */
export class InputError extends PantlerError {
  readonly exit = exitCodes.wrongWords;
}

/** A guard said no: protection, confirmation, circuit breaker, another deployment. */
export class RefusedError extends PantlerError {
  readonly exit = exitCodes.refused;
}

/** The environment cannot be reached, or lacks a right or a version that is needed. */
export class EnvironmentError extends PantlerError {
  readonly exit = exitCodes.unreachable;
}

/** The work failed and everything is as it was before. */
export class UnchangedError extends PantlerError {
  readonly exit = exitCodes.unchanged;
}

/** The work failed half-way; `state` says how far it went and `remedy` what to run. */
export class NeedsHandsError extends PantlerError {
  readonly exit = exitCodes.needsHands;
}
