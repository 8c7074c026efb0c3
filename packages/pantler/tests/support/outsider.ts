import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { DatabaseUrl } from "../../src/project/index.js";
import { bundledMajor, runBundledPgDump } from "../../src/schema/bundled-pg-dump.js";

/** What an outsider is not asked to compare. */
export interface OutsiderScope {
  /** Schemas that are left out altogether. */
  readonly without?: readonly string[];
  /** Schemas, or tables as `schema.table`, whose rows may differ. */
  readonly withoutRowsOf?: readonly string[];
  /** Whether not-null constraints may have other names: those of servers before 18 have none to restore. */
  readonly withoutNotNullNames?: boolean;
  /** Does as though the machine had none of PostgreSQL's programs. */
  readonly withoutPrograms?: boolean;
}

/** A table, a materialised view or a sequence. */
interface Relation {
  /** What it is called in a difference. */
  readonly title: string;
  /** What SQL reads it by, without the rows of tables that inherit from it. */
  readonly quoted: string;
  readonly kind: "rows" | "sequence" | "never filled";
}

/** Decides how rows are printed, whatever a database or a role has set for its sessions. */
const sessionSettings = [
  ...[
    "search_path=pg_catalog",
    "datestyle=ISO",
    "intervalstyle=postgres",
    "timezone=UTC",
    "bytea_output=hex",
  ],
  ...[
    "extra_float_digits=3",
    "xmlbinary=base64",
    "quote_all_identifiers=off",
    "standard_conforming_strings=on",
  ],
  ...["row_security=off", "statement_timeout=0", "lock_timeout=0", "idle_in_transaction_session_timeout=0"],
  ...["default_transaction_isolation=read\\ committed", "default_transaction_deferrable=off"],
]
  .map((setting) => `-c ${setting}`)
  .join(" ");

/**
 * Compares two databases as somebody would who knows nothing of ours: by the text of pg_dump, the rows as COPY prints
 * them and the state of the sequences. PostgreSQL's own programs are used where the machine has them.
 * @param expected the address of the database that is right, as a role that may read all of it
 * @returns what differs, in words; nothing when the two are the same
 * @throws Error when one of them cannot be read
 */
export async function outsiderDifferences(
  expected: string,
  actual: string,
  scope: OutsiderScope = {},
): Promise<string[]> {
  return [
    ...(await schemaDifferences(expected, actual, scope)),
    ...(await rowDifferences(expected, actual, scope)),
  ];
}

/** Compares only what pg_dump says of the two. */
export async function schemaDifferences(
  expected: string,
  actual: string,
  scope: OutsiderScope = {},
): Promise<string[]> {
  const major = Math.max(await majorOf(expected), await majorOf(actual));
  const print = async (url: string) => {
    const text = await dumpText(url, major, scope);
    return scope.withoutNotNullNames ? text.replace(notNullName, " NOT NULL") : text;
  };
  const [wanted, found] = [await print(expected), await print(actual)];
  if (wanted === found) return [];
  const [before, after] = [entriesOf(wanted), entriesOf(found)];
  const differences = [...new Set([...before.keys(), ...after.keys()])].flatMap((entry) => {
    const [left, right] = [before.get(entry), after.get(entry)];
    if (left === right) return [];
    if (right === undefined) return [`pg_dump no longer has ${entry}`];
    if (left === undefined) return [`pg_dump has got ${entry}`];
    return [`pg_dump prints ${entry} differently: ${firstDifference(left, right)}`];
  });
  return differences.length > 0 ? differences : ["pg_dump prints the same things in another order"];
}

/** Compares only rows, sequences, and what materialised views hold. */
export async function rowDifferences(
  expected: string,
  actual: string,
  scope: OutsiderScope = {},
): Promise<string[]> {
  const before = await readContents(expected, scope);
  const after = await readContents(actual, scope);
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [left, right] = [before.get(name), after.get(name)];
    if (left === undefined) return [`${name} was not there`];
    if (right === undefined) return [`${name} is gone`];
    return left.join("\n") === right.join("\n") ? [] : [`${name}: ${describeRows(left, right)}`];
  });
}

/**
 * The schema of a database as pg_dump prints it, but for the lines that name versions or a random key. The program
 * of the machine is used if it can read a server of this major, otherwise the bundled one.
 */
async function dumpText(
  url: string,
  major: number,
  { without = [], withoutPrograms }: OutsiderScope,
): Promise<string> {
  const native = withoutPrograms ? undefined : await findNative("pg_dump", major);
  const args = [
    "--schema-only",
    // Without it what is printed would follow a setting of the database.
    "--quote-all-identifiers",
    ...without.map((schema) => `--exclude-schema="${schema.replaceAll('"', '""')}"`),
  ];
  const text = native
    ? await run(native, [...args, `--dbname=${url}`], "")
    : await bundledDump(url, major, args);
  return text
    .split("\n")
    .filter((line) => !/^(-- Dumped (from|by) |\\(un)?restrict [A-Za-z0-9]+$)/.test(line))
    .join("\n")
    .replace(varcharList, (_, values: string) => `ARRAY[${values.replace(varchar, '($&)::"text"')}]`);
}

/**
 * What the server prints for `varchar_column in ('a', 'b')`, and prints as another text that means the same once it has
 * read it back: ruleutils.c of every version from 15 to 18.
 */
const varcharList = /\(ARRAY\[((?:'(?:[^']|'')*'::character varying(?:, )?)+)\]\)::"text"\[\]/g;
const notNullName = / CONSTRAINT "(?:[^"]|"")*" NOT NULL/g;
const varchar = /'(?:[^']|'')*'::character varying/g;

async function bundledDump(url: string, major: number, args: readonly string[]): Promise<string> {
  if (major > bundledMajor) throw new Error(`no pg_dump here reads a server of major ${major}`);
  const usual = process.env.PGOPTIONS;
  // The one way to hand settings to its connection, which the driver reads as libpq does.
  process.env.PGOPTIONS = sessionSettings;
  try {
    return await runBundledPgDump(DatabaseUrl.parse(url, "the outsider"), args, undefined);
  } finally {
    if (usual === undefined) delete process.env.PGOPTIONS;
    else process.env.PGOPTIONS = usual;
  }
}

/** Splits a dump at the headers of its entries; what has the same header is one. */
function entriesOf(text: string): Map<string, string> {
  const entries = new Map<string, string>();
  for (const piece of text.split(/^--\n-- (?=Name: )/m)) {
    const [heading = "", ...body] = piece.split("\n");
    const name = heading.startsWith("Name: ") ? heading.replace(/^Name: /, "") : "the settings at the top";
    entries.set(name, `${entries.get(name) ?? ""}${body.join("\n").trim()}\n`);
  }
  return entries;
}

function firstDifference(left: string, right: string): string {
  const [expected, found] = [left.split("\n"), right.split("\n")];
  const at = expected.findIndex((line, index) => line !== found[index]);
  const index = at === -1 ? expected.length : at;
  return `${shown(expected[index])} has become ${shown(found[index])}`;
}

function describeRows(left: readonly string[], right: readonly string[]): string {
  const [missing, extra] = [without(left, right), without(right, left)];
  return [
    ...(missing.length > 0 ? [`${missing.length} missing, such as ${shown(missing[0])}`] : []),
    ...(extra.length > 0 ? [`${extra.length} not expected, such as ${shown(extra[0])}`] : []),
  ].join("; ");
}

/** What one list has more often than the other. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

function shown(line: string | undefined): string {
  if (line === undefined) return "nothing";
  return JSON.stringify(line.length > 300 ? `${line.slice(0, 300)}…` : line);
}

/**
 * Reads all that a database holds, in lines that are sorted where their order means nothing. A partitioned table is read
 * as a whole, and each partition too, unless rows are dealt out by the hash of an enum: that is another one in every
 * database (https://www.postgresql.org/docs/17/app-pgdump.html, --load-via-partition-root).
 */
async function readContents(url: string, scope: OutsiderScope): Promise<Map<string, string[]>> {
  return await withSession(url, async (client) => {
    const contents = new Map<string, string[]>();
    const filled: Relation[] = [];
    for (const relation of await listRelations(client, scope)) {
      const { title, kind, quoted } = relation;
      if (kind === "rows") filled.push(relation);
      if (kind === "never filled") contents.set(title, ["(never filled)"]);
      if (kind !== "sequence") continue;
      const { rows } = await client.query<{ state: string }>(
        `select format('%s %s', last_value, case when is_called then 'called' else 'next' end) as state from ${quoted}`,
      );
      contents.set(
        title,
        rows.map(({ state }) => state),
      );
    }
    const copies = filled.map(({ quoted }) => `copy (select * from ${quoted}) to stdout`);
    const psql = scope.withoutPrograms ? undefined : await findNative("psql", 0);
    const texts = psql ? await copyWithPsql(psql, url, copies) : await copyWithDriver(client, copies);
    for (const [index, { title }] of filled.entries()) {
      const lines = (texts[index] ?? "").split("\n").slice(0, -1);
      contents.set(title, lines.sort());
    }
    return contents;
  });
}

async function listRelations(
  client: pg.Client,
  { without: schemas = [], withoutRowsOf = [] }: OutsiderScope,
): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(
    `select
      format('%s %s.%s', case relkind when 'S' then 'the sequence' else 'the rows of' end, nspname, relname) as title,
      format('%s%I.%I', case when relkind in ('r', 'm') then 'only ' end, nspname, relname) as quoted,
      case when relkind = 'S' then 'sequence' when relispopulated then 'rows' else 'never filled' end as kind
    from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'm', 'S', 'p')
      and nspname !~ '^pg_' and nspname <> 'information_schema'
      and nspname <> all ($1) and nspname <> all ($2) and nspname || '.' || relname <> all ($2)
      and (relkind <> 'p' or not relispartition)
      and not exists (
        select from pg_partition_ancestors(pg_class.oid) as ancestor (relid)
        join pg_partitioned_table on partrelid = ancestor.relid and partstrat = 'h'
        join pg_attribute on attrelid = partrelid and attnum = any (partattrs)
        join pg_type on pg_type.oid = atttypid and typtype = 'e'
        where ancestor.relid <> pg_class.oid
      )
    order by nspname, relname`,
    [schemas, withoutRowsOf],
  );
  return rows;
}

/** What each COPY prints, by one run of psql for all of them. */
async function copyWithPsql(psql: string, url: string, copies: readonly string[]): Promise<string[]> {
  const mark = `-- ${randomBytes(12).toString("hex")}`;
  const script = copies.map((copy) => `\\echo '${mark}'\n${copy};\n`).join("");
  const text = await run(psql, ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", url], script);
  return text.split(`${mark}\n`).slice(1);
}

async function copyWithDriver(client: pg.Client, copies: readonly string[]): Promise<string[]> {
  const texts: string[] = [];
  for (const copy of copies) {
    const chunks: Buffer[] = [];
    for await (const chunk of client.query(copyTo(copy))) chunks.push(chunk as Buffer);
    texts.push(Buffer.concat(chunks).toString());
  }
  return texts;
}

async function majorOf(url: string): Promise<number> {
  return await withSession(url, async (client) => {
    const { rows } = await client.query<{ version: string }>(
      "select current_setting('server_version_num') as version",
    );
    return Math.floor(Number(rows[0]?.version) / 10_000);
  });
}

async function withSession<Result>(
  url: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url, options: sessionSettings });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Finds one of PostgreSQL's programs on the machine, of this major or a newer one. Debian's wrapper, which chooses
 * among versions, is left out.
 */
async function findNative(name: "pg_dump" | "psql", major: number): Promise<string | undefined> {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian)
    ? readdirSync(debian).map((version) => join(debian, version, "bin"))
    : [];
  for (const folder of [...versions, ...(process.env.PATH ?? "").split(delimiter)]) {
    const path = join(folder, name);
    if (!folder || !existsSync(path)) continue;
    const version = await run(path, ["--version"], "").catch(() => "");
    if (Number(/\) (\d+)/.exec(version)?.[1] ?? -1) >= major) return path;
  }
  return undefined;
}

/** Runs a program to its end and returns what it printed. */
async function run(program: string, words: readonly string[], input: string): Promise<string> {
  const child = spawn(program, words, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, PGOPTIONS: sessionSettings, PGCLIENTENCODING: "UTF8", LC_ALL: "C" },
  });
  const printed: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => printed.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => complaints.push(bytes));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return Buffer.concat(printed).toString();
  throw new Error(`${program} ended with ${code}: ${Buffer.concat(complaints).toString().trim()}`);
}
