import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { DatabaseUrl } from "../packages/pantler/src/index.js";
import {
  classifyStatement,
  loadParser,
  splitStatements,
  withClient,
} from "../packages/pantler/src/postgres/index.js";
import { bench, readCounts } from "./measure.js";
import { jsonResult, pantler } from "./programs.js";
import {
  asSuperuser,
  makeFreshDatabase,
  type RunningProject,
  withFolder,
  withProject,
} from "./project-server.js";
import { installSupabaseCli, type SupabaseCli, supabaseVersion } from "./supabase-cli.js";

/** A text of SQL, and the statements that the Supabase CLI once recorded for it. */
interface Fixture {
  readonly text: string;
  readonly statements: readonly string[];
}

/** A row of the ledger, every column as text. */
interface LedgerRow {
  readonly version: string;
  readonly name: string;
  readonly statements: readonly string[];
}

/** One project and the two tools that work on it. */
interface Neighbours {
  readonly project: RunningProject;
  readonly cli: SupabaseCli;
}

const fixtures: readonly Fixture[] = JSON.parse(
  readFileSync(
    new URL("../packages/pantler/tests/postgres/fixtures/supabase-splits.json", import.meta.url),
    "utf8",
  ),
);

/** A byte-order mark and carriage returns, where a hash or a split of something else than the bytes would show. */
const seed = "\ufeff-- the pantry\r\ninsert into public.shelf_1 (id) values (7);\r\n";

/** A file whose ledger row a careless splitter would get wrong. */
const migration = (number: number) =>
  `-- shelf ${number}; not two\r\ncreate table public.shelf_${number} (id int primary key);
comment on table public.shelf_${number} is 'a;b';;
do $do$ begin perform 1; end $do$ -- the last
`;

let differences = 0;

readCounts({});
await bench(() =>
  withFolder((folder) =>
    withProject("", async (project) => {
      const cli = await installSupabaseCli(folder);
      console.log(`Supabase CLI ${supabaseVersion}, database ${project.url}\n`);
      await takeTurns({ project, cli });
      await repairEachOther({ project, cli });
      await seedOnce({ project, cli });
      await startFromEachOther({ project, cli });
      await splitAlike({ project, cli });
    }),
  ),
);
if (differences > 0) {
  console.log(`\n${differences} differences`);
  process.exitCode = 1;
}

/** Prints one line for a comparison, and what differs if something does. */
function compare(what: string, ours: unknown, theirs: unknown): void {
  const same = isDeepStrictEqual(ours, theirs);
  console.log(`${same ? "same     " : "DIFFERENT"}  ${what}`);
  if (same) return;
  differences += 1;
  console.log(`  ours:   ${JSON.stringify(ours)}\n  theirs: ${JSON.stringify(theirs)}`);
}

/** The tools apply a migration each in turn, on the local database that the CLI finds by itself. */
async function takeTurns({ project, cli }: Neighbours): Promise<void> {
  const apply = [
    () => cli.run(project.root, "db", "push", "--yes"),
    () => ours(project, undefined, "migration", "up"),
    () => cli.run(project.root, "migration", "up", "--yes"),
    () => ours(project, undefined, "migration", "up"),
  ];
  for (const [index, run] of apply.entries()) {
    writeMigration(project, index + 1);
    await run();
  }
  const lists = await readLists({ project, cli });
  compare("lists after both applied migrations in turn", lists.ours, lists.theirs);
  compare("all of them applied", versions(apply.length), lists.theirs.applied);
  compare(
    "ledger rows of both, by the splitter of ours",
    await readLedger(project.url),
    versions(apply.length).map((version, index) => ({
      version,
      name: `shelf_${index + 1}`,
      statements: splitStatements(migration(index + 1)).statements.map(({ text }) => text),
    })),
  );
  const before = await readLedger(project.url);
  await cli.run(project.root, "db", "push", "--yes");
  compare("a plain db push finds nothing to do", before, await readLedger(project.url));
  writeMigration(project, apply.length + 1);
  const pending = await readLists({ project, cli });
  compare("lists with a pending migration", pending.ours, pending.theirs);
  compare("pending where it is not applied", versions(apply.length + 1).slice(-1), pending.theirs.pending);
  await ours(project, undefined, "migration", "up");
}

async function repairEachOther({ project, cli }: Neighbours): Promise<void> {
  const last = versions(5).slice(-1);
  const [version = ""] = last;
  const before = await readLedger(project.url);
  const byThem = (mark: string) => cli.run(project.root, "migration", "repair", "--status", mark, version);
  const byUs = (mark: string) => ours(project, undefined, "migration", "repair", version, "--status", mark);
  for (const { who, repair } of [
    { who: "the CLI", repair: byThem },
    { who: "Pantler", repair: byUs },
  ]) {
    await repair("reverted");
    const reverted = await readLists({ project, cli });
    compare(`lists after ${who} marked one as reverted`, reverted.ours, reverted.theirs);
    compare("it is pending", last, reverted.ours.pending);
    await repair("applied");
    const applied = await readLists({ project, cli });
    compare(`lists after ${who} marked it as applied`, applied.ours, applied.theirs);
    compare("none is pending", [], applied.ours.pending);
    compare("its ledger row as it was when it ran", await readLedger(project.url), before);
  }
}

/** What one of the two has seeded the other does not seed again, and both record it alike. */
async function seedOnce({ project, cli }: Neighbours): Promise<void> {
  project.write("supabase/seed.sql", seed);
  await ours(project, undefined, "start");
  const ourRows = await readSeeds(project.url);
  compare("our start recorded the seed file", 1, ourRows.length);
  // It would fail on the primary key if it ran the file again.
  await cli.run(project.root, "db", "push", "--include-seed", "--yes");
  compare("seed files after the CLI was asked to seed too", ourRows, await readSeeds(project.url));
  await readRows(project.url, "truncate public.shelf_1, supabase_migrations.seed_files");
  await cli.run(project.root, "db", "push", "--include-seed", "--yes");
  compare("seed files recorded by the CLI itself", ourRows, await readSeeds(project.url));
  await ours(project, undefined, "start");
  compare("seed files after our start on what the CLI seeded", await readSeeds(project.url), ourRows);
  const [shelf] = await readRows<{ rows: string }>(
    project.url,
    "select count(*) as rows from public.shelf_1",
  );
  compare("rows of the seed after both", "1", shelf?.rows);
}

/** Whoever comes first makes the ledger: the other must not be able to tell who it was. */
async function startFromEachOther({ project, cli }: Neighbours): Promise<void> {
  const made = await bothApply({ project, cli }, readLedgerTable);
  compare("the ledger's table, made by either", made.ours.result, made.theirs.result);
  compare("its rows", made.ours.ledger, made.theirs.ledger);
}

/** Every text whose split was once recorded is recorded again, by the CLI and by us. */
async function splitAlike({ project, cli }: Neighbours): Promise<void> {
  const recorded = (texts: readonly Fixture[], split: (fixture: Fixture) => readonly string[]) =>
    texts.map((fixture, index) => ({
      version: versionOf(index + 1),
      name: "text",
      statements: split(fixture),
    }));
  const write = (texts: readonly Fixture[]) => {
    rmSync(join(project.root, "supabase/migrations"), { recursive: true });
    for (const [index, { text }] of texts.entries())
      project.write(`supabase/migrations/${versionOf(index + 1)}_text.sql`, text);
  };
  write(fixtures);
  const database = await makeFreshDatabase(project.url);
  // Some of the texts do what only a superuser may.
  await push(cli, project, asSuperuser(database));
  const ledger = await readLedger(database);
  const bySplitter = recorded(fixtures, ({ text }) =>
    splitStatements(text).statements.map(({ text }) => text),
  );
  const byFixture = recorded(fixtures, ({ statements }) => statements);
  compare(`${fixtures.length} texts pushed by the CLI, and the splitter of ours`, bySplitter, ledger);
  compare("the same, and the fixture that the tests use", byFixture, ledger);
  await loadParser();
  const working = fixtures.filter(({ statements }) => {
    const classes = statements.map(classifyStatement);
    // Pantler refuses what would end the transaction of others, or waits for rows to be sent.
    const refused = classes.some(
      ({ transaction, unfit }) =>
        transaction === "rollback" || transaction === "prepared" || unfit !== undefined,
    );
    return !refused && classes.some(({ node }) => node !== "EmptyQuery");
  });
  write(working);
  const made = await bothApply({ project, cli }, async () => {});
  compare(
    `${working.length} texts that hold a statement and that Pantler takes, applied by either`,
    made.ours.ledger,
    made.theirs.ledger,
  );
  compare("rows of them", working.length, made.ours.ledger.length);
}

/** Lets each of the tools apply the project's migrations to an empty database of its own. */
async function bothApply<Result>(
  { project, cli }: Neighbours,
  read: (database: DatabaseUrl) => Promise<Result>,
): Promise<Record<"ours" | "theirs", { readonly result: Result; readonly ledger: LedgerRow[] }>> {
  const after = async (apply: (database: DatabaseUrl) => Promise<unknown>) => {
    const database = await makeFreshDatabase(project.url);
    await apply(database);
    return { result: await read(database), ledger: await readLedger(database) };
  };
  return {
    // Each text in a transaction of its own, as the CLI does.
    ours: await after((database) => ours(project, database, "migration", "up", "--one-by-one")),
    theirs: await after((database) => push(cli, project, database)),
  };
}

async function push(cli: SupabaseCli, { root }: RunningProject, database: DatabaseUrl): Promise<void> {
  await cli.run(root, "db", "push", "--yes", `--remote=${database.withPassword()}`);
}

/** Runs a command of ours on the project; on its local database, or on another one of the same server. */
async function ours(project: RunningProject, database: DatabaseUrl | undefined, ...words: readonly string[]) {
  const variables = database ? { PANTLER_ENGINE_URL: database.withPassword() } : {};
  return jsonResult(await pantler([...words, "--project", project.root, "--json"], variables));
}

interface Lists {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  /** Versions that either tool finds in some other state, such as a ledger row without a file. */
  readonly other: readonly string[];
}

/** What each tool's `migration list` says of the local database. */
async function readLists({ project, cli }: Neighbours): Promise<Record<"ours" | "theirs", Lists>> {
  const own = (await ours(project, undefined, "migration", "list")) as {
    readonly migrations: readonly { readonly version: string; readonly state: string }[];
  };
  const said = await cli.run(project.root, "migration", "list", "--output-format", "json");
  const other = JSON.parse(said.stdout) as {
    readonly migrations: readonly { readonly local: string; readonly remote: string }[];
  };
  return {
    ours: sortOut(own.migrations),
    theirs: sortOut(
      other.migrations.map(({ local, remote }) => ({
        version: local || remote,
        state: local === remote ? "applied" : remote === "" ? "pending" : "missing",
      })),
    ),
  };
}

function sortOut(migrations: readonly { readonly version: string; readonly state: string }[]): Lists {
  const of = (...states: readonly string[]) =>
    migrations.filter(({ state }) => states.includes(state)).map(({ version }) => version);
  const known = ["applied", "pending"];
  return {
    applied: of("applied"),
    pending: of("pending"),
    other: migrations.filter(({ state }) => !known.includes(state)).map(({ version }) => version),
  };
}

async function readLedger(database: DatabaseUrl): Promise<LedgerRow[]> {
  return await readRows<LedgerRow>(
    database,
    'select version, name, statements from supabase_migrations.schema_migrations order by version collate "C"',
  );
}

async function readSeeds(database: DatabaseUrl): Promise<Record<string, string>[]> {
  return await readRows(database, "select * from supabase_migrations.seed_files order by path");
}

/** Columns, key, owners and rights of the ledger's table and schema. */
async function readLedgerTable(database: DatabaseUrl): Promise<unknown[]> {
  return await readRows(
    database,
    `select
      pg_get_userbyid(relowner) as owner, relacl::text as rights,
      pg_get_userbyid(nspowner) as schema_owner, nspacl::text as schema_rights,
      array(select pg_get_constraintdef(oid) from pg_constraint where conrelid = pg_class.oid order by 1) as keys,
      array(
        select concat_ws(' ', attname, atttypid::regtype, attnotnull, attcollation::regcollation)
        from pg_attribute where attrelid = pg_class.oid and attnum > 0 order by attnum
      ) as columns
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where pg_class.oid = 'supabase_migrations.schema_migrations'::regclass`,
  );
}

async function readRows<Row extends object>(database: DatabaseUrl, query: string): Promise<Row[]> {
  return await withClient(asSuperuser(database), async (client) => {
    const { rows } = await client.query<Record<string, string>>(query);
    return rows as Row[];
  });
}

function writeMigration({ write }: RunningProject, number: number): void {
  write(`supabase/migrations/${versionOf(number)}_shelf_${number}.sql`, migration(number));
}

function versions(count: number): string[] {
  return Array.from({ length: count }, (_, index) => versionOf(index + 1));
}

function versionOf(number: number): string {
  return String(20260101000000 + number);
}
