import { InputError, UnchangedError } from "../operation/index.js";
import {
  classifyStatement,
  describeSqlProblem,
  loadParser,
  SqlSyntaxProblem,
  type Statement,
  type StatementClass,
  splitStatements,
} from "../postgres/index.js";
import { type Project, pathInProject, readSqlFile } from "../project/index.js";

/** A file of SQL, split and understood. */
export interface Script {
  /** The file's path as it is shown. */
  readonly shown: string;
  readonly text: string;
  readonly statements: readonly ScriptStatement[];
  /** How it has to run: inside a transaction, inside one that commits right after it, or outside of any. */
  readonly mode: "transaction" | "commit-after" | "statements";
  /** Why it cannot share a transaction, for the plan. */
  readonly because: string | undefined;
}

export interface ScriptStatement extends Statement {
  readonly class: StatementClass;
}

/** psql's commands that guard or decorate a dump and mean nothing to a server. */
const harmlessCommands = new Set([
  "\\restrict",
  "\\unrestrict",
  "\\echo",
  "\\timing",
  "\\pset",
  "\\encoding",
]);

/**
 * Reads the statements of a file as the ledger stores them.
 * @throws InputError when the file cannot be read or holds a psql command that cannot be left out
 */
export function readStatements(project: Project, file: string): { text: string; statements: Statement[] } {
  const text = readSqlFile(project, file);
  const { statements, metaCommands } = splitStatements(text);
  for (const command of metaCommands) {
    const [word = ""] = command.text.trim().split(/\s/);
    if (harmlessCommands.has(word)) continue;
    const line = text.slice(0, command.offset).split("\n").length;
    throw new InputError({
      code: "psql-command",
      message: `${pathInProject(project, file)}:${line}: ${word} is a command of psql, not SQL.`,
      state: "Nothing was done.",
      remedy: "Take the line out; the connection, its database and its role are Pantler's to choose.",
    });
  }
  return { text, statements };
}

/**
 * Reads a file of SQL and finds out how it has to run.
 * @param serverMajor the target's major version: what a newer server's grammar adds, only that server can judge
 * @throws InputError `nothing-to-run`, and what reading the file throws
 * @throws UnchangedError `sql-syntax` with the place of the error
 */
export async function readScript(project: Project, file: string, serverMajor: number): Promise<Script> {
  const { text, statements } = readStatements(project, file);
  const shown = pathInProject(project, file);
  await loadParser();
  const understood = statements.map((statement) => {
    try {
      return { ...statement, class: classifyStatement(statement.text) };
    } catch (error) {
      if (!(error instanceof SqlSyntaxProblem)) throw error;
      if (serverMajor > parserMajor)
        return { ...statement, class: { node: "Unknown", need: "any" } as const };
      const problem = describeSqlProblem(
        error,
        { file: shown, text, offset: statement.offset },
        error.cursorOffset,
      );
      throw new UnchangedError({
        code: "sql-syntax",
        message: problem.message,
        detail: problem.detail,
        state: "Nothing was run.",
        remedy: "Mend the file.",
        cause: error,
      });
    }
  });
  const working = understood.filter((statement) => statement.class.node !== "EmptyQuery");
  if (working.length === 0) {
    throw new InputError({
      code: "nothing-to-run",
      message: `${shown} holds no statement.`,
      state: "Nothing was done.",
      remedy: "Write it, or remove the file.",
    });
  }
  const outside = working.find((statement) => statement.class.need === "outside");
  const enumValue = working.find((statement) => statement.class.need === "commit-after");
  return {
    shown,
    text,
    statements: understood,
    mode: outside ? "statements" : enumValue ? "commit-after" : "transaction",
    because: (outside ?? enumValue)?.class.why,
  };
}

/** The major version of the grammar that libpg-query was built from. */
const parserMajor = 17;
