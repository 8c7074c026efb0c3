import type { MigrationFile, Project } from "../../project/index.js";
import type { LintFinding } from "./finding.js";
import { type LintFile, readLintFile } from "./read-file.js";
import { ownRule } from "./rules.js";

/** What is wrong with a migration's rollback script, as far as its text tells. */
export function judgeRollback(
  project: Project,
  migration: MigrationFile,
  file: LintFile,
  serverMajor: number | undefined,
): LintFinding[] {
  if (file.statements.length === 0 && file.problems.length === 0) return [];
  const { level, remedy } = ownRule("rollback-missing");
  const missing = (message: string) => [
    { rule: "rollback-missing", level, file: file.shown, line: 1, message, remedy },
  ];
  if (!migration.rollback.exists) {
    return missing(
      "The migration has no rollback script: the way back would be a restore of the whole backup.",
    );
  }
  const { shown, statements, problems } = readLintFile(
    project,
    migration,
    migration.rollback.file,
    true,
    serverMajor,
  );
  if (problems.length > 0) return [...problems];
  return statements.length > 0 ? [] : missing(`Its rollback script ${shown} holds no statement.`);
}
