import type { DatabaseUrl } from "../packages/pantler/src/index.js";
import { withClient } from "../packages/pantler/src/postgres/index.js";
import { alternate, bench, type Contender, printMedians, printRatio, readCounts, timed } from "./measure.js";
import { findPostgresProgram, pantler, runProgram } from "./programs.js";
import { makeFreshDatabase, type RunningProject, withFolder, withProject } from "./project-server.js";
import { installSupabaseCli, supabaseVersion } from "./supabase-cli.js";

/** A way to apply the project's migrations to an empty database. */
interface Way {
  readonly name: string;
  /** Whether it writes the Supabase CLI's ledger. */
  readonly ledger: boolean;
  readonly apply: (database: DatabaseUrl) => Promise<unknown>;
}

const ours = "pantler migration up";
const psql = "psql -f";
const psqlAtOnce = "psql -f --single-transaction";
const supabase = `supabase ${supabaseVersion} db push`;

const { runs, migrations } = readCounts({ runs: 5, migrations: 500 });
const files = Array.from({ length: migrations }, (_, index) => migrationFile(index + 1));

await bench(() => withProject("", (project) => withFolder((folder) => compare(project, folder))));

async function compare(project: RunningProject, folder: string): Promise<void> {
  // Only now: the first start of a project applies what it finds.
  for (const { path, content } of files) project.write(path, content);
  const ways: readonly Way[] = [
    {
      name: ours,
      ledger: true,
      apply: (database) =>
        pantler(["migration", "up", "--project", project.root], {
          PANTLER_ENGINE_URL: database.withPassword(),
        }),
    },
    ...(await psqlWays(project)),
    ...(await supabaseWay(project, folder)),
  ];
  console.log(`\n${migrations} migrations of 3 statements; whole processes, one server with fsync on\n`);
  const measured = await alternate(
    ways.map((way) => contenderOf(way, project)),
    runs,
  );
  printMedians(measured);
  printRatio(measured, ours, supabase, 0.7);
  printRatio(measured, ours, psql, 1);
  printRatio(measured, ours, psqlAtOnce);
}

/** A file whose third statement is in turn one that alters, one that inserts and one that comments. */
function migrationFile(number: number): { readonly path: string; readonly content: string } {
  const table = tableOf(number);
  const third = [
    `comment on table public.${table} is 'Shelf ${number}';`,
    `alter table public.${table} add column note text;`,
    `insert into public.${table} (name) values ('beans'), ('rice');`,
  ][number % 3];
  const content = `create table public.${table} (
  id bigint generated always as identity primary key,
  name text not null,
  created_at timestamptz not null default now()
);
create index ${table}_name_idx on public.${table} (name);
${third}
`;
  return { path: `supabase/migrations/${20260101000000 + number}_${table}.sql`, content };
}

function tableOf(number: number): string {
  return `shelf_${String(number).padStart(6, "0")}`;
}

function contenderOf({ name, ledger, apply }: Way, project: RunningProject): Contender {
  return {
    name,
    run: async () => {
      const database = await makeFreshDatabase(project.url);
      const milliseconds = await timed(() => apply(database));
      await verify(database, name, ledger);
      return milliseconds;
    },
  };
}

/** The same files in one session, each statement in a transaction of its own, as psql does; and all of them in one. */
async function psqlWays({ root }: RunningProject): Promise<Way[]> {
  const program = await findPostgresProgram("psql");
  if (program === undefined) {
    console.log("psql is not on PATH: not measured");
    return [];
  }
  console.log(`psql: ${(await runProgram(program, ["--version"])).stdout.trim()}`);
  const words = ["-X", "-q", "-v", "ON_ERROR_STOP=1", ...files.flatMap(({ path }) => ["-f", path])];
  const apply = (further: readonly string[]) => (database: DatabaseUrl) =>
    runProgram(program, [...further, ...words, "-d", database.withPassword()], { cwd: root });
  return [
    { name: psql, ledger: false, apply: apply([]) },
    { name: psqlAtOnce, ledger: false, apply: apply(["--single-transaction"]) },
  ];
}

async function supabaseWay({ root }: RunningProject, folder: string): Promise<Way[]> {
  try {
    const cli = await installSupabaseCli(folder);
    console.log(`supabase: ${supabaseVersion} from npm, its binary called directly, without npx`);
    const apply = (database: DatabaseUrl) =>
      cli.run(root, "db", "push", "--yes", `--remote=${database.withPassword()}`);
    return [{ name: supabase, ledger: true, apply }];
  } catch (error) {
    console.log(`The Supabase CLI cannot be installed: not measured (${String(error)})`);
    return [];
  }
}

/**
 * Looks for everything that the files make.
 * @throws Error naming what is not there
 */
async function verify(database: DatabaseUrl, name: string, ledger: boolean): Promise<void> {
  const every = (remainder: number) =>
    Array.from({ length: migrations }, (_, index) => index + 1).filter((number) => number % 3 === remainder);
  const filled = every(2).map((number) => `(select count(*) from public.${tableOf(number)})`);
  const expected = {
    tables: migrations,
    indexes: migrations,
    comments: every(0).length,
    columns: every(1).length,
    rows: filled.length * 2,
    ledger: ledger ? migrations : 0,
    statements: ledger ? migrations * 3 : 0,
  };
  const found = await withClient(database, async (client) => {
    const { rows: objects } = await client.query<Record<string, string>>(`
      select
        (select count(*) from pg_catalog.pg_tables where schemaname = 'public') as tables,
        (select count(*) from pg_catalog.pg_indexes where schemaname = 'public' and indexname like 'shelf%name_idx') as indexes,
        (select count(*) from pg_catalog.pg_description where description like 'Shelf %') as comments,
        (select count(*) from information_schema.columns where table_schema = 'public' and column_name = 'note') as columns,
        ${filled.join(" + ") || "0"} as rows
    `);
    const { rows: records } = ledger
      ? await client.query<Record<string, string>>(
          "select count(*) as ledger, coalesce(sum(cardinality(statements)), 0) as statements from supabase_migrations.schema_migrations",
        )
      : { rows: [{ ledger: 0, statements: 0 }] };
    return { ...objects[0], ...records[0] } as Record<string, unknown>;
  });
  const wrong = Object.entries(expected).filter(([what, count]) => Number(found[what]) !== count);
  if (wrong.length === 0) return;
  const list = wrong.map(([what, count]) => `${what}: ${String(found[what])} instead of ${count}`);
  throw new Error(`${name} left something out: ${list.join(", ")}`);
}
