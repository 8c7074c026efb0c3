/** Something that a migration does, or fails to do, and that somebody should know before it runs. */
export interface LintFinding {
  /** The rule's name, one of `lintRules`. */
  readonly rule: string;
  /** `error`: it certainly breaks, or it silently exposes or loses data. Only errors keep a deployment from going on. */
  readonly level: LintLevel;
  /** The file's path as it is shown, seen from the project's folder. */
  readonly file: string;
  /** The line in it, from 1. */
  readonly line: number;
  /** What was found and why it matters, in a sentence or two. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

export type LintLevel = "error" | "warning" | "info";

export interface LintRequest {
  /** Only these versions are judged, with those before them as what is there; all files without it. */
  readonly versions?: ReadonlySet<string> | undefined;
}

/** What is known of a rule without any migration. */
export interface LintRule {
  /** The gravest level that its findings have. */
  readonly level: LintLevel;
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
  /** Who finds it: Pantler, or squawk, whose names are kept. */
  readonly source: "pantler" | "squawk";
}
