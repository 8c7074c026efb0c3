import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DatabaseUrl } from "../packages/pantler/src/index.js";
import { withClient } from "../packages/pantler/src/postgres/index.js";
import {
  alternate,
  bench,
  type Contender,
  median,
  printBudget,
  printMedians,
  printRatio,
  readCounts,
  timed,
} from "./measure.js";
import { findPostgresProgram, pantler, runProgram } from "./programs.js";
import { asSuperuser, makeFreshDatabase, type RunningProject, withProject } from "./project-server.js";

const crispy = fileURLToPath(new URL("../projects/crispy", import.meta.url));

/** The shell's way: a dump of the target for safety, an empty target, a dump of the source read into it. */
interface Shell {
  readonly psql: string;
}

const create = "pantler user create-test";
const sync = "pantler env sync";
const verify = "pantler env verify";
const reset = "pantler env reset";
const shellSync = "psql: dump, truncate, dump | psql";

const { runs, scale } = readCounts({ runs: 5, scale: 100 });

await bench(() => withProject("", compare));

async function compare(project: RunningProject): Promise<void> {
  // Only now: the first start of a project applies what it finds, and seeds it.
  cpSync(join(crispy, "supabase"), join(project.root, "supabase"), {
    recursive: true,
    filter: (file) => !file.endsWith("config.toml") && !file.endsWith("seed.sql"),
  });
  for (const file of ["pantler.config.ts", "seed.ts"]) cpSync(join(crispy, file), join(project.root, file));
  await pantler(["migration", "up", "--project", project.root]);
  const production = await makeFreshDatabase(project.url, project.url);
  const shell = await findShell();
  if (!shell) console.log("psql is not on PATH: the shell's way is not measured");
  for (const size of scale === 1 ? [1] : [1, scale]) {
    await measureSize(project, production, shell, size);
  }
}

async function measureSize(
  project: RunningProject,
  production: DatabaseUrl,
  shell: Shell | undefined,
  size: number,
): Promise<void> {
  const variables = { PRODUCTION_DATABASE_URL: production.withPassword() };
  const words = (...command: string[]) => [...command, "--project", project.root];
  const run = async (...command: string[]) => await pantler(words(...command), variables);
  await run("env", "reset", "local", "--confirm", "RESET");
  if (size > 1) await run("seed", "--no-files", "--scale", String(size));
  const rows = await countRows(project.url);
  console.log(
    `\n${rows.toLocaleString("en-US")} rows in the tables of Crispy; whole processes, one server with fsync on\n`,
  );
  const contenders: Contender[] = [
    {
      name: sync,
      run: () => timed(() => run("env", "sync", "local", "production", "--confirm", "OVERWRITE production")),
    },
    { name: verify, run: () => timed(() => run("env", "verify", "local", "production")) },
    ...(shell
      ? [
          {
            name: shellSync,
            run: () => timed(() => syncByShell(shell, project.url, production, project.root)),
          },
        ]
      : []),
  ];
  const measured = await alternate(contenders, runs);
  printMedians(measured);
  printRatio(measured, sync, shellSync, size > 1 ? 0.8 : undefined);
  if (size > 1) return;
  printBudget(sync, median(measured.get(sync) ?? []), 3000);
  const fresh = await alternate(
    [
      {
        name: reset,
        run: () => timed(() => run("env", "reset", "local", "production", "--confirm", "RESET")),
      },
      { name: create, run: async () => await createAnew(project, run) },
    ],
    runs,
  );
  printMedians(fresh);
  printBudget(reset, median(fresh.get(reset) ?? []), 10_000);
  printBudget(create, median(fresh.get(create) ?? []), 2000);
}

/** Makes users and data in a database that has none. */
async function createAnew(
  project: RunningProject,
  run: (...command: string[]) => Promise<unknown>,
): Promise<number> {
  await emptyTables(project.url);
  return await timed(() => run("user", "create-test"));
}

async function emptyTables(url: DatabaseUrl): Promise<void> {
  const tables = (await dumpedTables(url)).map(({ name }) => name);
  await withClient(asSuperuser(url), async (client) => {
    await client.query(`truncate ${tables.join(", ")} cascade`);
    await client.query("delete from auth.users where email like '%@test.local'");
  });
}

async function countRows(url: DatabaseUrl): Promise<number> {
  const tables = (await dumpedTables(url)).map(({ name }) => name);
  return await withClient(asSuperuser(url), async (client) => {
    let count = 0;
    for (const table of tables) {
      const { rows } = await client.query<{ count: string }>(`select count(*) from ${table}`);
      count += Number(rows[0]?.count);
    }
    return count;
  });
}

async function findShell(): Promise<Shell | undefined> {
  const psql = await findPostgresProgram("psql");
  return psql ? { psql } : undefined;
}

/**
 * What the document's script does: the target's rows into a file, an empty target, the source's rows through a pipe. The
 * dump is what `pg_dump --data-only` writes, made by psql, since a pg_dump reads no newer server than itself; triggers are
 * off, so that the order of the tables does not matter.
 */
async function syncByShell(
  { psql }: Shell,
  from: DatabaseUrl,
  to: DatabaseUrl,
  folder: string,
): Promise<void> {
  const tables = await dumpedTables(from);
  const dump = join(folder, "dump.sql");
  const lines = tables.flatMap(({ name, columns }) => [
    `\\echo 'copy ${name} (${columns}) from stdin;'`,
    `copy ${name} (${columns}) to stdout;`,
    "\\echo '\\\\.'",
  ]);
  writeFileSync(dump, `\\echo 'set session_replication_role = replica;'\n${lines.join("\n")}\n`);
  const script = `set -eo pipefail
    "$0" -X -q -f "$3" "$2" > "$4"
    "$0" -X -q -v ON_ERROR_STOP=1 -c "truncate $5 cascade" "$2"
    "$0" -X -q -f "$3" "$1" | "$0" -X -q -v ON_ERROR_STOP=1 "$2"`;
  const [source, target] = [asSuperuser(from), asSuperuser(to)].map((url) => url.withPassword());
  const backup = join(folder, "backup.sql");
  const names = tables.map(({ name }) => name).join(", ");
  await runProgram("bash", ["-c", script, psql, source ?? "", target ?? "", dump, backup, names]);
}

async function dumpedTables(
  url: DatabaseUrl,
): Promise<{ readonly name: string; readonly columns: string }[]> {
  return await withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string; columns: string }>(
      `select
        format('%I.%I', nspname, relname) as name,
        string_agg(quote_ident(attname), ', ' order by attnum) as columns
      from pg_class
      join pg_namespace on pg_namespace.oid = relnamespace
      join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped and attgenerated = ''
      where relkind = 'r' and nspname in ('public', 'audit', 'archive')
      group by nspname, relname
      order by 1`,
    );
    return rows;
  });
}
