import { createHash } from "node:crypto";
import type { Target } from "../engine/index.js";
import { type Operation, UnchangedError } from "../operation/index.js";
import { describeSqlProblem, withClient } from "../postgres/index.js";
import { listSeedFiles, pathInProject } from "../project/index.js";
import { readStatements } from "./script.js";

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

/**
 * Runs the project's seed files, and records them as the Supabase CLI does, in one transaction.
 * @returns the files that ran, as they are shown
 * @throws UnchangedError `seed-failed`
 */
export async function seedDatabase(target: Target, operation: Operation): Promise<string[]> {
  const { project, url } = target;
  const files = listSeedFiles(project).map((file) => ({
    shown: pathInProject(project, file),
    ...readStatements(project, file),
  }));
  if (files.length === 0) return [];
  await withClient(url, async (client) => {
    await client.query(`set client_min_messages = warning; ${seedTable}; reset client_min_messages`);
    await client.query("begin");
    for (const { shown, text, statements } of files) {
      await operation.step(`seed ${shown}`, async (step) => {
        for (const [index, statement] of statements.entries()) {
          try {
            await client.query(statement.text);
          } catch (error) {
            const problem = describeSqlProblem(error, { file: shown, text, offset: statement.offset });
            throw new UnchangedError({
              code: "seed-failed",
              message: problem.message,
              detail: problem.detail,
              state: "No seed file was kept.",
              remedy: "Mend the file.",
              ...(problem.sqlstate ? { sqlstate: problem.sqlstate } : {}),
              cause: error,
            });
          }
          step.progress(index + 1, statements.length, "statements");
        }
        await client.query(
          `insert into supabase_migrations.seed_files (path, hash) values ($1, $2)
          on conflict (path) do update set hash = excluded.hash`,
          [shown, createHash("sha256").update(text).digest("hex")],
        );
      });
    }
    await client.query("commit");
  });
  return files.map((file) => file.shown);
}
