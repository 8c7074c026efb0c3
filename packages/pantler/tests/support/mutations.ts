import { checkMigrations, Operation, type Target } from "../../src/index.js";
import { readCheckGroup, readSmokeChecks, runChecks } from "../../src/migrations/check.js";
import { withClient } from "../../src/postgres/index.js";
import { listMigrationFiles } from "../../src/project/index.js";

/** A rule of a finished database, broken by hand, and the check that must notice. */
export interface Mutation {
  /** What the check's title starts with: enough of it to name one check. */
  readonly breaks: string;
  /** Run as the deployer on the finished database, in a transaction that is rolled back. */
  readonly sql: string;
}

/** The mutations that no check named by them notices, on a database with all migrations applied. */
export async function unnoticed(target: Target, mutations: readonly Mutation[]): Promise<string[]> {
  const { project, url } = target;
  const checks = [
    ...listMigrationFiles(project).migrations.map((file) => readCheckGroup(project, file)),
    ...readSmokeChecks(project),
  ].flatMap((group) => group.checks);
  const found: string[] = [];
  await withClient(url, async (client) => {
    for (const { breaks, sql } of mutations) {
      await client.query("begin");
      await client.query(sql).catch((error: unknown) => {
        throw new Error(`The mutation of "${breaks}" cannot be made.`, { cause: error });
      });
      const concerned = checks.filter(({ title }) => title.startsWith(breaks));
      const results = await runChecks(client, concerned, new Operation());
      if (!results.some(({ outcome }) => outcome === "failed")) found.push(`${breaks}: ${sql}`);
      await client.query("rollback");
    }
  });
  return found;
}

/** The titles of the checks that no mutation breaks: a check that nothing can fail guards nothing. */
export async function unguarded(target: Target, mutations: readonly Mutation[]): Promise<string[]> {
  const results = await checkMigrations(target, {}, new Operation());
  const titles = results.map(({ title }) => title);
  return titles.filter((title) => !mutations.some(({ breaks }) => title.startsWith(breaks)));
}

/** A function with every occurrence of a piece of its text replaced; fails when there is none. */
export function functionWith(signature: string, from: string, to: string): string {
  return rewritten(`pg_get_functiondef('${signature}'::regprocedure)`, "definition", from, to);
}

/** A security_invoker view with every occurrence of a piece of its query replaced; fails when there is none. */
export function viewWith(view: string, from: string, to: string): string {
  const statement = `'create or replace view ${view} with (security_invoker = true) as ' || definition`;
  return rewritten(`pg_get_viewdef('${view}'::regclass)`, statement, from, to);
}

function rewritten(source: string, statement: string, from: string, to: string): string {
  return `do $mutate$
    declare
      definition text := ${source};
    begin
      if position($from$${from}$from$ in definition) = 0 then
        raise exception 'nothing to replace in: %', definition;
      end if;
      definition := replace(definition, $from$${from}$from$, $to$${to}$to$);
      execute ${statement};
    end
    $mutate$;`;
}
