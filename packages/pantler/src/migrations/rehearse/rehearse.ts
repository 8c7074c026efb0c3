import pg from "pg";
import type { Target } from "../../engine/index.js";
import {
  EnvironmentError,
  interruption,
  messageOf,
  type Operation,
  PantlerError,
  UnchangedError,
} from "../../operation/index.js";
import { quoteQualified, sqlstateOf, sqlstates, withClient } from "../../postgres/index.js";
import { listMigrationFiles } from "../../project/index.js";
import { readSchema } from "../../schema/index.js";
import { readSmokeChecks } from "../check.js";
import { passBreaker } from "../control.js";
import { StepFailure } from "../failure.js";
import { readLedger } from "../ledger.js";
import { readMigrationList } from "../list.js";
import { planUp, type UpRequest } from "../plan.js";
import { type DeploymentSession, withDeploymentSession } from "../session.js";
import { refuseProtected } from "../up.js";
import { applyMeasured } from "./apply-measured.js";
import { compareContent } from "./compare-content.js";
import { type RehearsalEnvironment, readRehearsalEnvironment, unfaithfulness } from "./environment.js";
import { KnownTables } from "./known-tables.js";
import { lockedTables } from "./locked-tables.js";
import { proveRollback } from "./prove-rollback.js";
import type { Rehearsal } from "./rehearsal.js";
import { describeRisks } from "./risks.js";
import { type KnownDigest, readContent, type TableContent } from "./table-content.js";

/** What a rehearsal that failed leaves. */
const untouched = "The environment was not touched; this was the rehearsal.";

/**
 * Applies the pending migrations to a copy of an environment and measures what each statement does to the tables that
 * are there; then runs their checks, rolls them back by their scripts, compares, and applies them again.
 * @param target the copy, on a server that nobody else works on: schema, rows and ledger of the environment. It is changed
 * @param environment what `readRehearsalEnvironment` found in the environment itself
 * @param before the digests of tables that are known already, so that they need not be read for it
 * @throws UnchangedError `interrupted`, and when a statement or a check failed
 * @throws InputError, RefusedError as `migrateUp` does, before anything is run
 * @throws EnvironmentError when the copy cannot be reached
 */
export async function rehearseMigrations(
  target: Target,
  environment: RehearsalEnvironment,
  request: UpRequest,
  operation: Operation,
  signal?: AbortSignal,
  before: readonly KnownDigest[] = [],
): Promise<Rehearsal> {
  refuseProtected(target, "Rehearse on a copy of it: pantler migration rehearse");
  const started = performance.now();
  try {
    return await withDeploymentSession(target, operation, signal, async (session) => {
      const rehearsed = await rehearse(session, request, before);
      const here = await withClient(target.url, readRehearsalEnvironment);
      const unfaithful = [...unfaithfulness(environment, here), ...rehearsed.unfaithful];
      return { ...rehearsed, unfaithful, milliseconds: Math.round(performance.now() - started) };
    });
  } catch (error) {
    throw asRehearsal(error, signal);
  }
}

async function rehearse(
  session: DeploymentSession,
  request: UpRequest,
  digests: readonly KnownDigest[],
): Promise<Rehearsal> {
  const { client, target, operation, signal } = session;
  const { url, project } = target;
  const folder = listMigrationFiles(project);
  await passBreaker(client, new Set((await readLedger(client)).map((row) => row.version)));
  const list = await readMigrationList(client, project, folder);
  const batches = await planUp(target, folder.migrations, list, request, session.serverMajor);
  const smoke = batches.length === 0 ? [] : readSmokeChecks(project);
  const schemaBefore = await withClient(url, readSchema);
  const contentBefore = await readContent(
    url,
    "read the rows as they are",
    { known: digests },
    operation,
    signal,
  );
  await gatherStatistics(session, contentBefore);
  const known = await KnownTables.read(client, contentBefore);
  const measured = await applyMeasured(session, batches, known, smoke);
  const schema = await withClient(url, readSchema);
  const contentAfter = await readContent(
    url,
    "read the rows as they become",
    { columnsOf: contentBefore },
    operation,
    signal,
  );
  const rollback = await proveRollback(session, {
    files: folder.migrations,
    batches,
    smoke,
    schemaBefore,
    contentBefore,
    schemaAfter: schema,
  });
  return {
    migrations: batches.flatMap(({ migrations }) => migrations.map(({ version }) => version)),
    statements: measured.statements.map(({ effects: _, transaction: __, ...statement }) => statement),
    tables: lockedTables(measured),
    risks: describeRisks(measured),
    checks: measured.checks,
    rollback,
    serverMajor: session.serverMajor,
    schema,
    rows: compareContent(contentBefore, contentAfter),
    unfaithful: contentBefore
      .filter(({ digest }) => digest === undefined)
      .map(
        ({ schema: of, name }) =>
          `The role may not read all rows of ${of}.${name}, so they were not compared.`,
      ),
    milliseconds: 0,
  };
}

/** A copy that was just restored has no statistics, without which the server plans worse than the environment would. */
async function gatherStatistics(
  { target, operation, signal }: DeploymentSession,
  tables: readonly TableContent[],
) {
  if (tables.length === 0) return;
  await operation.step("gather the planner's statistics", async () => {
    await withClient(target.url, async (client) => {
      for (const { schema, name } of tables) {
        signal?.throwIfAborted();
        await client.query(`analyze ${quoteQualified(schema, name)}`);
      }
    });
  });
}

/** Says of an error that it came up in the rehearsal, and keeps what it says of the files. */
function asRehearsal(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return interruption(untouched, error);
  if (error instanceof StepFailure) {
    const { parts } = error;
    const code = parts.sqlstate === sqlstates.syntaxError ? "sql-syntax" : parts.code;
    return new UnchangedError({ ...parts, code, state: untouched, cause: error.cause });
  }
  if (error instanceof EnvironmentError) {
    const { code, message, remedy, detail, sqlstate } = error;
    return new EnvironmentError({
      code,
      message,
      remedy,
      state: untouched,
      ...(detail === undefined ? {} : { detail }),
      ...(sqlstate === undefined ? {} : { sqlstate }),
      cause: error,
    });
  }
  if (error instanceof PantlerError || !(error instanceof pg.DatabaseError)) return error;
  const sqlstate = sqlstateOf(error);
  return new UnchangedError({
    code: "rehearsal-failed",
    message: `${messageOf(error)}${sqlstate === undefined ? "" : ` (${sqlstate})`}`,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    state: untouched,
    remedy: "Mend what is named, then rehearse again.",
    ...(sqlstate === undefined ? {} : { sqlstate }),
    cause: error,
  });
}
