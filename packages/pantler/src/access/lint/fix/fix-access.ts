import { type Backup, type Keys, takeProvenBackup, targetOfCopy } from "../../../backup/index.js";
import type { ScratchServer, Target } from "../../../engine/index.js";
import { type NewMigration, newMigration } from "../../../migrations/index.js";
import { counted, type Operation } from "../../../operation/index.js";
import type { AccessFinding, AccessLint } from "../finding.js";
import { judge } from "../lint-access.js";
import { type Proof, proveRewritings } from "./prove.js";
import { type Rewriting, rewritingsFor } from "./rewritings.js";

export interface FixRequest {
  /** The migration's name; blanks become underscores. */
  readonly name: string;
  /** The moment its version is made of. */
  readonly now: Date;
  /** What the backup is encrypted with and opened again. */
  readonly keys: Keys;
}

/** What was found, and what was written to mend it. */
export interface AccessFixes extends AccessLint {
  /** Undefined where nothing that was found can be rewritten, or nothing of it could be proven. */
  readonly migration: NewMigration | undefined;
  /** What the migration mends. */
  readonly fixed: readonly AccessFinding[];
  /** What could be rewritten, and the matrix cannot tell what that would change. */
  readonly unproven: readonly AccessFinding[];
}

/**
 * Writes a migration, with its rollback, for the findings that can be rewritten without changing what anybody can see and
 * do: calls that are worked out for every row go into a select of their own, and indexes that are missing are made. Both
 * are proven before on a copy, restored from a fresh backup: the access matrix stays the same, and the rollback leaves
 * the schema that was there. The environment itself is only read.
 * @throws what `lintAccess`, `takeProvenBackup`, `measureAccess` and `newMigration` throw
 * @throws UnchangedError `fix-changes-access`, `fix-not-undone`, `fix-failed`, `interrupted`
 */
export async function fixAccess(
  target: Target,
  { name, now, keys }: FixRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<AccessFixes> {
  const { lint, context } = await judge(target.url, target.project, operation);
  const rewritings = rewritingsFor(lint.findings, context);
  if (rewritings.length === 0) return { ...lint, migration: undefined, fixed: [], unproven: [] };
  const { proven, unproven } = await proveOnCopy(target, rewritings, keys, operation, signal);
  const migration =
    proven.length === 0 ? undefined : newMigration(target.project, name, now, textsOf(proven, target));
  return { ...lint, migration, fixed: findingsOf(proven), unproven: findingsOf(unproven) };
}

async function proveOnCopy(
  target: Target,
  rewritings: readonly Rewriting[],
  keys: Keys,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<Proof> {
  let proof: Proof | undefined;
  const then = async ({ manifest }: Backup, server: ScratchServer) => {
    const copy = await targetOfCopy(target, server, manifest.source.role);
    proof = await proveRewritings(copy.url, target.project, rewritings, operation.part("prove"), signal);
  };
  const otherwise = "Nothing was written";
  await takeProvenBackup(target, { name: "for access lint --fix", keys, otherwise, then }, operation, signal);
  if (!proof) throw new Error("what is on a copy that is proven was proven");
  return proof;
}

function findingsOf(rewritings: readonly Rewriting[]): AccessFinding[] {
  return rewritings.flatMap(({ findings }) => findings);
}

function textsOf(
  proven: readonly Rewriting[],
  { environment }: Target,
): { migration: string; rollback: string } {
  const mended = counted(findingsOf(proven).length, "finding");
  const introduction = [
    `-- Mends ${mended} of pantler access lint. On a copy of ${environment.name} the access matrix was the same before and after.`,
    "-- An index is built while writers wait: for one on a large table write create index concurrently, in a migration of its own.",
  ];
  const up = proven.map(({ up: statement, findings }) =>
    [...findings.map(({ rule, subject }) => `-- ${rule}: ${oneLine(subject)}`), statement].join("\n"),
  );
  const down = proven.map((rewriting) => rewriting.down).reverse();
  return {
    migration: `${[introduction.join("\n"), ...up].join("\n\n")}\n`,
    rollback: `${["-- Takes back what the migration of the same name does.", ...down].join("\n\n")}\n`,
  };
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, " ");
}
