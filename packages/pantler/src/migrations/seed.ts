import { createHash } from "node:crypto";
import pg from "pg";
import type { Target } from "../engine/index.js";
import {
  EnvironmentError,
  InputError,
  messageOf,
  type Operation,
  PantlerError,
  stopWhenAborted,
  UnchangedError,
} from "../operation/index.js";
import {
  cancelOnAbort,
  describeSqlProblem,
  isConnectionLoss,
  requireServer,
  withClient,
} from "../postgres/index.js";
import { listSeedFiles } from "../project/index.js";
import { readMaybeEmptyScript, type Script, sentStatements } from "./script.js";

/** The Supabase CLI's own record of the seed files it has run. */
const seedTable = `
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.seed_files (path text not null primary key, hash text not null);
`;

/** Whether any seed file is recorded as run. */
export async function isSeeded(target: Target): Promise<boolean> {
  return await withClient(target.url, async (client) => {
    const { rows: there } = await client.query<{ there: boolean }>(
      "select to_regclass('supabase_migrations.seed_files') is not null as there",
    );
    if (!there[0]?.there) return false;
    const { rows } = await client.query("select from supabase_migrations.seed_files limit 1");
    return rows.length > 0;
  });
}

const nothingKept = "No seed file was kept.";

/**
 * Runs the project's seed files, and records them as the Supabase CLI does, in one transaction.
 * @param signal interrupts the work, which is then rolled back
 * @returns the files that ran, as they are shown
 * @throws InputError `seed-outside-transaction`, and what reading the files throws
 * @throws UnchangedError `seed-failed`, `interrupted`
 * @throws EnvironmentError `connection-lost` when the outcome of the commit is not known
 */
export async function seedDatabase(
  target: Target,
  operation: Operation,
  signal?: AbortSignal,
): Promise<string[]> {
  const { project, url } = target;
  const files = listSeedFiles(project);
  if (files.length === 0) return [];
  return await withClient(url, async (client) => {
    const serverMajor = await requireServer(client, url);
    const scripts: Script[] = [];
    for (const file of files) scripts.push(await readMaybeEmptyScript(project, file, serverMajor));
    for (const script of scripts) refuseOutside(script);
    const stopListening = await cancelOnAbort(client, url, signal);
    try {
      stopWhenAborted(signal, nothingKept);
      await client.query(`set client_min_messages = warning; ${seedTable}; reset client_min_messages`);
      await client.query("begin");
      for (const script of scripts) {
        await operation.step(`seed ${script.shown}`, async (step) => {
          const statements = sentStatements(script);
          for (const [index, { text, offset }] of statements.entries()) {
            stopWhenAborted(signal, nothingKept);
            await client.query(text).catch((error: unknown) => {
              stopWhenAborted(signal, nothingKept, error);
              throw seedFailed(error, script, offset);
            });
            step.progress(index + 1, statements.length, "statements");
          }
          await client.query(
            `insert into supabase_migrations.seed_files (path, hash) values ($1, $2)
            on conflict (path) do update set hash = excluded.hash`,
            [script.shown, createHash("sha256").update(script.text).digest("hex")],
          );
        });
      }
      stopWhenAborted(signal, nothingKept);
      await client.query("commit").catch((error: unknown) => {
        if (!isConnectionLoss(error)) stopWhenAborted(signal, nothingKept, error);
        throw commitFailed(error);
      });
    } catch (error) {
      // The request to cancel may find a statement of ours, such as the record of a file.
      if (!(error instanceof PantlerError)) stopWhenAborted(signal, nothingKept, error);
      throw error;
    } finally {
      stopListening();
    }
    return scripts.map(({ shown }) => shown);
  });
}

function refuseOutside({ shown, text, statements }: Script): void {
  const outside = statements.find(({ class: { need } }) => need === "outside");
  if (!outside) return;
  const { line, detail } = describeSqlProblem(undefined, { file: shown, text, offset: outside.offset });
  throw new InputError({
    code: "seed-outside-transaction",
    message: `${shown}:${line}: ${outside.class.why}, and seed files run in one.`,
    detail,
    state: "Nothing was run.",
    remedy: "Put the statement into a migration.",
  });
}

function seedFailed(error: unknown, { shown, text }: Script, offset: number): UnchangedError {
  const problem = describeSqlProblem(error, { file: shown, text, offset });
  return new UnchangedError({
    code: "seed-failed",
    message: problem.message,
    detail: problem.detail,
    state: nothingKept,
    remedy: "Mend the file.",
    ...(problem.sqlstate ? { sqlstate: problem.sqlstate } : {}),
    cause: error,
  });
}

/** Constraints and triggers that wait for the commit may refuse it; a connection that broke leaves its outcome open. */
function commitFailed(error: unknown): PantlerError {
  const said = messageOf(error);
  if (!(error instanceof pg.DatabaseError) || isConnectionLoss(error)) {
    return new EnvironmentError({
      code: "connection-lost",
      message: `The connection broke while the seed files were being committed: ${said}.`,
      state: "Either all of them were kept or none.",
      remedy: "Run pantler start: it seeds a database that was not seeded.",
      cause: error,
    });
  }
  return new UnchangedError({
    code: "seed-failed",
    message: `${said} (${error.code})`,
    ...(error.detail ? { detail: error.detail } : {}),
    state: nothingKept,
    remedy: "Mend the files: what waits for the commit refused their rows.",
    ...(error.code ? { sqlstate: error.code } : {}),
    cause: error,
  });
}
