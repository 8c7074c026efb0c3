import { InputError, UnchangedError } from "../operation/index.js";
import {
  classifyStatement,
  describeSqlProblem,
  isOrdinary,
  leadingWord,
  loadParser,
  type SqlSource,
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
export const harmlessCommands: ReadonlySet<string> = new Set([
  "\\restrict",
  "\\unrestrict",
  "\\echo",
  "\\timing",
  "\\pset",
  "\\encoding",
]);

/** What begins a line of the data after `copy … from stdin` and looks like a command: its end, and a null. */
const dataMarks = new Set(["\\.", "\\N"]);

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
    const line = lineAt(text, command.offset);
    throw new InputError({
      code: "psql-command",
      message: `${pathInProject(project, file)}:${line}: ${word} is a command of psql, not SQL.`,
      state: "Nothing was done.",
      remedy: dataMarks.has(word)
        ? "The data of copy … from stdin cannot be sent along: write insert statements (pg_dump --inserts)."
        : "Take the line out; the connection, its database and its role are Pantler's to choose.",
    });
  }
  return { text, statements };
}

/**
 * Reads a file of SQL and finds out how it has to run.
 * @param serverMajor the target's major version: what a newer server's grammar adds, only that server can judge
 * @throws InputError `nothing-to-run`, and what `readMaybeEmptyScript` throws
 */
export async function readScript(project: Project, file: string, serverMajor: number): Promise<Script> {
  const script = await readMaybeEmptyScript(project, file, serverMajor);
  if (script.statements.some((statement) => statement.class.node !== "EmptyQuery")) return script;
  throw new InputError({
    code: "nothing-to-run",
    message: `${script.shown} holds no statement.`,
    state: "Nothing was done.",
    remedy: "Write it, or remove the file.",
  });
}

/**
 * Reads a file of SQL that may hold nothing but comments.
 * @param serverMajor as for `readScript`
 * @throws InputError `transaction-control`, `session-control` or `copy-from-stdin` for a statement that no file may
 *   hold, and what reading the file throws
 * @throws UnchangedError `sql-syntax` with the place of the error, where the parser was needed; the rest is read by
 *   the server, or by `requireSyntax`
 */
export async function readMaybeEmptyScript(
  project: Project,
  file: string,
  serverMajor: number,
): Promise<Script> {
  const { text, statements } = readStatements(project, file);
  const shown = pathInProject(project, file);
  const understood: ScriptStatement[] = [];
  for (const statement of statements) {
    understood.push(
      isOrdinary(statement.text)
        ? { ...statement, class: ordinary }
        : await understand(statement, { file: shown, text, offset: statement.offset }, serverMajor),
    );
  }
  const outside = understood.find((statement) => statement.class.need === "outside");
  const enumValue = understood.find((statement) => statement.class.need === "commit-after");
  return {
    shown,
    text,
    statements: understood,
    mode: outside ? "statements" : enumValue ? "commit-after" : "transaction",
    because: (outside ?? enumValue)?.class.why,
  };
}

/** What is said of a statement that is not worth parsing: the server reads it in time, in a transaction. */
const ordinary: StatementClass = { node: "Ordinary", need: "any" };

/**
 * Has the parser read what it has not read yet, for work of which a part could not be taken back.
 * @throws UnchangedError `sql-syntax` with the place of the error
 */
export async function requireSyntax({ shown, text, statements }: Script, serverMajor: number): Promise<void> {
  for (const statement of statements) {
    if (statement.class !== ordinary) continue;
    await understand(statement, { file: shown, text, offset: statement.offset }, serverMajor);
  }
}

async function understand(
  statement: Statement,
  source: SqlSource,
  serverMajor: number,
): Promise<ScriptStatement> {
  await loadParser();
  try {
    const found = { ...statement, class: classifyStatement(statement.text) };
    const refusal = refusalOf(found);
    if (!refusal) return found;
    const { line, detail } = describeSqlProblem(undefined, source);
    throw new InputError({
      ...refusal,
      message: `${source.file}:${line}: ${refusal.message}`,
      detail,
      state: "Nothing was run.",
    });
  } catch (error) {
    if (!(error instanceof SqlSyntaxProblem)) throw error;
    if (serverMajor > parserMajor) return { ...statement, class: { node: "Unknown", need: "any" } };
    const problem = describeSqlProblem(error, source, error.cursorOffset);
    throw new UnchangedError({
      code: "sql-syntax",
      message: problem.message,
      detail: problem.detail,
      state: "Nothing was run.",
      remedy: "Mend the file.",
      cause: error,
    });
  }
}

/** The statements that are sent: a file's own begin and commit are folded into the transaction around it. */
export function sentStatements({ statements }: Script): ScriptStatement[] {
  return statements.filter(({ class: { node, transaction } }) => {
    return node !== "EmptyQuery" && transaction !== "begin" && transaction !== "commit";
  });
}

/** Why no file may hold this statement, if so: files share a transaction and a session with others. */
export function refusalOf({
  text,
  class: { transaction, need, unfit },
}: Pick<ScriptStatement, "text" | "class">): { code: string; message: string; remedy: string } | undefined {
  const word = leadingWord(text);
  if (transaction === "rollback") {
    return {
      code: "transaction-control",
      message: `${word} would end the transaction that all pending files share.`,
      remedy: "Take it out. To take back a part of the file, use savepoint and rollback to.",
    };
  }
  if (transaction === "prepared") {
    return {
      code: "transaction-control",
      message:
        need === "outside"
          ? `${word} prepared would end a transaction of others for good.`
          : "prepare transaction would end the transaction that all pending files share.",
      remedy: "Take it out.",
    };
  }
  if (unfit === "discard-all") {
    return {
      code: "session-control",
      message: "discard all would give back the deployment lock.",
      remedy: "Take it out; every file begins with the session's own settings.",
    };
  }
  if (unfit === "copy-from-stdin") {
    return {
      code: "copy-from-stdin",
      message: "the data of copy … from stdin cannot be sent along.",
      remedy: "Write insert statements (pg_dump --inserts).",
    };
  }
  return undefined;
}

/** The major version of the grammar that libpg-query was built from. */
export const parserMajor = 17;

/** The number of the line, from 1, in which an offset lies. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
