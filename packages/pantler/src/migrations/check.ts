import pg from "pg";
import type { Target } from "../engine/index.js";
import { InputError, type Operation, PantlerError, stopWhenAborted } from "../operation/index.js";
import {
  actAs,
  type Client,
  cancelOnAbort,
  describeSqlProblem,
  type Identity,
  isConnectionLoss,
  sqlstates,
  withClient,
} from "../postgres/index.js";
import { listMigrationFiles, listSmokeChecks, type MigrationFile, type Project } from "../project/index.js";
import { type Check, type Expectation, readChecks } from "./check-file.js";
import { readLedger } from "./ledger.js";

/** How a check turned out. */
export interface CheckResult {
  readonly title: string;
  readonly file: string;
  readonly line: number;
  readonly outcome: "passed" | "failed";
  /** What was found instead of what was expected, for a failed check. */
  readonly found: string | undefined;
  /** How long the last statement took, in milliseconds, and the bound it was given. */
  readonly milliseconds: number;
  readonly within: number | undefined;
}

/** The checks of one file, with the migration they belong to; smoke checks belong to none. */
export interface CheckGroup {
  readonly title: string;
  readonly checks: readonly Check[];
}

/** What a statement inside a check may wait for a lock, and take, so that a check cannot hang a live system. */
const checkSettings = "set local lock_timeout = '5s'; set local statement_timeout = '60s'";

const nothingKept = "Nothing that a check did was kept.";

export interface CheckRequest {
  /** Run only the checks whose title contains this text. */
  readonly only?: string | undefined;
  /** Run only those that belong to no migration. */
  readonly smoke?: boolean | undefined;
}

/**
 * Runs the checks of every applied migration, then the smoke checks, and takes back whatever they did.
 * @param signal interrupts the work
 * @returns the results in the order of the files
 * @throws InputError when a check file is malformed, `check-unknown` when no title contains the text asked for
 * @throws EnvironmentError when the environment cannot be reached
 * @throws UnchangedError `interrupted`
 */
export async function checkMigrations(
  target: Target,
  { only, smoke: smokeOnly }: CheckRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<CheckResult[]> {
  const { project, url } = target;
  const files = listMigrationFiles(project).migrations;
  const smoke = readSmokeChecks(project);
  return await withClient(url, async (client) => {
    const applied = new Set((await readLedger(client)).map((row) => row.version));
    const wanted = ({ title }: Check) => only === undefined || title.includes(only);
    const own = (smokeOnly ? [] : files)
      .filter((file) => applied.has(file.version))
      .map((file) => readCheckGroup(project, file));
    const groups = [...own, ...smoke]
      .map(({ title, checks }) => ({ title, checks: checks.filter(wanted) }))
      .filter(({ checks }) => checks.length > 0);
    if (only !== undefined && groups.length === 0) throw unknownCheck(only);
    const results: CheckResult[] = [];
    const stopListening = await cancelOnAbort(client, url, signal);
    try {
      await client.query("begin");
      for (const group of groups) {
        await operation.step(`check ${group.title}`, async (step) => {
          const onDone = (done: number) => step.progress(done, group.checks.length, "checks");
          const found = await runChecks(client, group.checks, operation, onDone, signal);
          results.push(...found);
          step.note(summarize(found));
        });
      }
    } catch (error) {
      // The request to cancel may find a statement of ours, such as the savepoint of a check.
      if (!(error instanceof PantlerError)) stopWhenAborted(signal, nothingKept, error);
      throw error;
    } finally {
      stopListening();
      await client.query("rollback").catch(() => {});
    }
    return results;
  });
}

function unknownCheck(only: string): InputError {
  return new InputError({
    code: "check-unknown",
    message: `No check of an applied migration has "${only}" in its title.`,
    state: "Nothing was run.",
    remedy: "See the titles with pantler migration check.",
  });
}

/** Reads the checks of one migration; none when it has no file of them. */
export function readCheckGroup(project: Project, migration: MigrationFile): CheckGroup {
  return {
    title: `${migration.version}_${migration.name}`,
    checks: migration.checks.exists ? readChecks(project, migration.checks.file) : [],
  };
}

/** Reads the smoke checks, one group for each file. */
export function readSmokeChecks(project: Project): CheckGroup[] {
  return listSmokeChecks(project).map((file) => {
    const checks = readChecks(project, file);
    return { title: checks[0]?.file ?? file, checks };
  });
}

/** A group's results in a few words. */
export function summarize(results: readonly CheckResult[]): string {
  const failed = results.filter((result) => result.outcome === "failed").length;
  const count = `${results.length} ${results.length === 1 ? "check" : "checks"}`;
  return failed === 0 ? `${count} passed` : `${failed} of ${count} failed`;
}

/**
 * Runs checks inside the transaction that is open, each in a savepoint that is rolled back.
 * @param onDone called after each check with how many are done
 * @param signal looked at before and after each check
 * @throws UnchangedError `interrupted`; the transaction is then to be rolled back
 */
export async function runChecks(
  client: Client,
  checks: readonly Check[],
  operation: Operation,
  onDone: (done: number) => void = () => {},
  signal?: AbortSignal,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    stopWhenAborted(signal, nothingKept);
    await client.query(`savepoint pantler_check; ${checkSettings}`);
    const { found, milliseconds } = await runCheck(client, check);
    stopWhenAborted(signal, nothingKept);
    await client.query("rollback to savepoint pantler_check; release savepoint pantler_check");
    const { title, file, line, within } = check;
    results.push({ title, file, line, outcome: found ? "failed" : "passed", found, milliseconds, within });
    if (within !== undefined && milliseconds > within) {
      operation.finding("warning", `${title}: took ${milliseconds.toFixed(1)} ms, the bound is ${within} ms`);
    }
    onDone(results.length);
  }
  return results;
}

async function runCheck(
  client: Client,
  check: Check,
): Promise<{ readonly found: string | undefined; readonly milliseconds: number }> {
  let milliseconds = 0;
  for (const [index, statement] of check.statements.entries()) {
    const last = index === check.statements.length - 1;
    const source = { file: check.file, text: check.text, offset: statement.offset };
    if (statement.identity) {
      const refused = await become(client, statement.identity);
      if (refused) return { found: inWords(refused, source), milliseconds };
    }
    const started = performance.now();
    try {
      const result = await client.query<unknown[]>({ text: statement.text, rowMode: "array", types: asText });
      milliseconds = performance.now() - started;
      if (last) return { found: compare(check.expectation, result), milliseconds };
    } catch (error) {
      milliseconds = performance.now() - started;
      if (isConnectionLoss(error)) throw error;
      const sqlstate = error instanceof pg.DatabaseError ? error.code : undefined;
      if (last && check.expectation.kind === "error" && sqlstate === check.expectation.sqlstate) {
        return { found: undefined, milliseconds };
      }
      return { found: inWords(error, source), milliseconds };
    }
  }
  return { found: "the check has no statement", milliseconds };
}

/**
 * Makes the rest of a check run as somebody. That this fails is never what a check expects: its own statement did
 * not run.
 * @returns why it could not be
 */
async function become(client: Client, identity: Identity): Promise<Error | undefined> {
  try {
    await actAs(client, identity);
    return undefined;
  } catch (error) {
    if (error instanceof PantlerError) return error;
    if (!(error instanceof pg.DatabaseError) || isConnectionLoss(error)) throw error;
    const able = error.code === sqlstates.insufficientPrivilege ? "may not" : "cannot";
    const who = identity.kind === "user" ? `user ${identity.email}` : identity.kind;
    // A new error: the position in this one counts in a statement of ours, not in the file.
    return new Error(`the deployer ${able} become ${who}: ${error.message} (${error.code})`);
  }
}

function inWords(error: unknown, source: Parameters<typeof describeSqlProblem>[1]): string {
  const { message, detail } = describeSqlProblem(error, source);
  return `${message}\n${detail}`;
}

/** Values are compared as Postgres writes them, so nothing is parsed. */
const asText = { getTypeParser: () => (text: string) => text };

function compare(expectation: Expectation, result: pg.QueryResult<unknown[]>): string | undefined {
  const rows = result.fields.length > 0 ? result.rows.length : (result.rowCount ?? 0);
  const [[value] = []] = result.rows;
  const single = result.rows.length === 1 && result.fields.length === 1;
  const shown = single ? `the value ${value === null ? "null" : String(value)}` : `${rows} rows`;
  switch (expectation.kind) {
    case "true":
      return single && value === "t" ? undefined : `expected true, found ${shown}`;
    case "value":
      return single && String(value) === expectation.text
        ? undefined
        : `expected the value ${expectation.text}, found ${shown}`;
    case "no rows":
      return rows === 0 ? undefined : `expected no rows, found ${rows}`;
    case "rows":
      return rows === expectation.count ? undefined : `expected ${expectation.count} rows, found ${rows}`;
    case "error":
      return `expected error ${expectation.sqlstate}, but the statement succeeded`;
  }
}
