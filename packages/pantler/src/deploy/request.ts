import type { Backup, Keys } from "../backup/index.js";
import type { LintFinding, Rehearsal } from "../migrations/index.js";

/** What somebody is asked to confirm. */
export interface Proposal {
  readonly backup: Backup;
  readonly rehearsal: Rehearsal;
  readonly findings: readonly LintFinding[];
  /** What has to be typed. */
  readonly phrase: string;
}

export interface DeployRequest {
  /** Deploy up to this version and no further. */
  readonly to?: string | undefined;
  /** Also pending migrations that are older than an applied one. */
  readonly includeAll?: boolean | undefined;
  /** Stop after the rehearsal. */
  readonly dryRun?: boolean | undefined;
  /** Go on although the live schema is not what the migrations make. */
  readonly acceptDrift?: boolean | undefined;
  /** Go on outside of the hours that the config names. */
  readonly now?: boolean | undefined;
  /** For the backup: what it is encrypted with, and opened for its drill. */
  readonly keys: Keys;
  /** Shows what was found out, and returns what somebody typed. */
  readonly confirm: (proposal: Proposal) => Promise<string | undefined>;
}

/** One part of the pipeline, and how long it took. */
export interface Stage {
  readonly name: string;
  readonly milliseconds: number;
}

/** How a deployment ended: `rehearsed` is a dry run. */
export type DeployOutcome = "applied" | "nothing-pending" | "rehearsed";

export interface AppliedMigration {
  readonly version: string;
  readonly name: string;
  readonly milliseconds: number;
}

export interface DeployResult {
  readonly id: string;
  readonly outcome: DeployOutcome;
  readonly environment: string;
  /** The commit of the project's repository, where it is one. */
  readonly commit: string | undefined;
  readonly applied: readonly AppliedMigration[];
  readonly findings: readonly LintFinding[];
  /** The proven backup that was taken first. */
  readonly backup: string | undefined;
  readonly rehearsal: Rehearsal | undefined;
  readonly stages: readonly Stage[];
  /** What an earlier deployment, whose process had ended, was found to have left. */
  readonly settled: readonly SettledDeployment[];
  /** The report's files, relative to the project. */
  readonly report: readonly string[];
}

/** How an earlier deployment that did not end was settled. */
export interface SettledDeployment {
  readonly id: string;
  readonly outcome: Exclude<RecordedOutcome, "running">;
}

/**
 * What is on record of a deployment: `interrupted` has applied some of its migrations whole, and the next one goes on
 * with the others.
 */
export type RecordedOutcome = "running" | "applied" | "unchanged" | "undone" | "interrupted" | "needs hands";

/** What has to be typed before an environment is changed. */
export function confirmationPhrase(environment: string): string {
  return `APPLY MIGRATIONS ${environment}`;
}
