import { type QualifiedName, restoreSequences, sqlName } from "../../copy/index.js";
import type { Client } from "../../postgres/index.js";
import type { DumpEntry } from "../../schema/index.js";
import { isSame } from "../contents.js";
import { applyEntries } from "./apply-entries.js";
import { commentsOn, constraintOf } from "./entry-order.js";
import type { Whole } from "./restore-whole.js";

/** Tables that were made, still without what is better made once they have rows. */
export interface Made {
  readonly tables: readonly QualifiedName[];
  /** Makes the rest: indexes, constraints, foreign keys of others that refer to them, rights. */
  readonly finish: () => Promise<void>;
}

/**
 * Makes the tables that are no longer there, with the sequences that go with them and the partitioned tables they are
 * parts of, inside the transaction that is open.
 */
export async function makeMissing(client: Client, whole: Whole): Promise<Made> {
  const wanted = whole.tables.flatMap((table) => [table, ...(table.partOf ?? [])]);
  const tables = await whichAreMissing(client, wanted);
  if (tables.length === 0) return { tables, finish: async () => {} };
  const schemas = await missingSchemas(client, whole.pre, tables);
  const withSequences = [...tables, ...sequencesOf(whole, tables)];
  const pre = whole.pre.filter(
    ({ type, relation }) => type !== attaching && isAmong(withSequences, relation),
  );
  await applyEntries(client, [...schemas, ...pre], true);
  const made = [...tables, ...(await readOwned(client, tables))];
  await restoreSequences(
    client,
    whole.sequences.filter((sequence) => isAmong(made, sequence)),
  );
  return { tables, finish: async () => await finish(client, whole, tables, made, schemas) };
}

/**
 * @param tables those that were made
 * @param made the same, and their sequences
 * @param schemas the entries of schemas that were made
 */
async function finish(
  client: Client,
  whole: Whole,
  tables: readonly QualifiedName[],
  made: readonly QualifiedName[],
  schemas: readonly DumpEntry[],
): Promise<void> {
  const post = [...whole.post, ...whole.broken];
  const own = post.filter(({ relation }) => isAmong(made, relation));
  const isEarly = ({ type }: DumpEntry) => type === "INDEX" || type === "CONSTRAINT";
  await applyEntries(client, own.filter(isEarly), true);
  // A partition brings its indexes along, which become parts of those of the whole.
  const attached = whole.pre.filter(({ type, relation }) => type === attaching && isAmong(made, relation));
  await applyEntries(client, attached, true);
  const later = own.filter((entry) => !isEarly(entry));
  await applyEntries(client, [...later, ...commentsOn(own, post)], true);
  const keys = await keysOfOthers(client, post, tables);
  await applyEntries(client, [...keys, ...commentsOn(keys, post)], true);
  await clearRights(client, made);
  const rights = whole.rights.filter(
    ({ type, name, relation }) =>
      isAmong(made, relation) ||
      (type === "ACL" && schemas.some((schema) => name === `SCHEMA ${schema.name}`)),
  );
  await applyEntries(client, rights, true);
}

/** Views that were dropped together with tables, and that nobody has made again. */
export async function lostViews(client: Client, whole: Whole, { tables }: Made): Promise<string[]> {
  if (tables.length === 0) return [];
  const views = whole.pre.flatMap(({ type, relation }) =>
    relation && (type === "VIEW" || type === "MATERIALIZED VIEW") ? [relation] : [],
  );
  return (await whichAreMissing(client, views)).map(({ schema, name }) => `${schema}.${name}`).sort();
}

const attaching = "TABLE ATTACH";

function isAmong(names: readonly QualifiedName[], name: QualifiedName | undefined): boolean {
  return name !== undefined && names.some((each) => isSame(each, name));
}

async function whichAreMissing(client: Client, names: readonly QualifiedName[]): Promise<QualifiedName[]> {
  const { rows } = await client.query<QualifiedName>(
    `select distinct schema, name
     from unnest($1::text[], $2::text[]) as wanted (schema, name)
     where to_regclass(quote_ident(schema) || '.' || quote_ident(name)) is null`,
    [names.map(({ schema }) => schema), names.map(({ name }) => name)],
  );
  return rows;
}

/** The sequences that go with tables as their defaults, by the archive. */
function sequencesOf({ pre }: Whole, tables: readonly QualifiedName[]): QualifiedName[] {
  return pre.flatMap(({ type, relation, references }) =>
    type === "SEQUENCE OWNED BY" && relation && isAmong(tables, references) ? [relation] : [],
  );
}

/** The sequences that go with tables, those of identity columns too. */
async function readOwned(client: Client, tables: readonly QualifiedName[]): Promise<QualifiedName[]> {
  const { rows } = await client.query<QualifiedName>(
    `select nspname as schema, relname as name
     from pg_depend
     join pg_class on pg_class.oid = objid and relkind = 'S'
     join pg_namespace on pg_namespace.oid = relnamespace
     where classid = 'pg_class'::regclass
       and refclassid = 'pg_class'::regclass
       and deptype in ('a', 'i')
       and refobjid = any ($1::regclass[])`,
    [tables.map(sqlName)],
  );
  return rows;
}

async function missingSchemas(
  client: Client,
  pre: readonly DumpEntry[],
  made: readonly QualifiedName[],
): Promise<DumpEntry[]> {
  const { rows } = await client.query<{ name: string }>(
    "select name from unnest($1::text[]) as wanted (name) where name not in (select nspname from pg_namespace)",
    [[...new Set(made.map(({ schema }) => schema))]],
  );
  return pre.filter(({ type, name }) => type === "SCHEMA" && rows.some((row) => row.name === name));
}

/** Foreign keys that other tables had to those that were made, as far as those tables are there and lack them. */
async function keysOfOthers(
  client: Client,
  post: readonly DumpEntry[],
  tables: readonly QualifiedName[],
): Promise<DumpEntry[]> {
  const keys = post.filter(
    ({ type, relation, references }) =>
      type === "FK CONSTRAINT" && isAmong(tables, references) && !isAmong(tables, relation),
  );
  const possible: DumpEntry[] = [];
  for (const key of keys) {
    const table = key.relation;
    if (!table) continue;
    const { rows } = await client.query<{ lacking: boolean }>(
      `select not exists (
         select from pg_constraint where conrelid = pg_class.oid and conname = $2
       ) as lacking
       from pg_class where oid = to_regclass($1)`,
      [sqlName(table), constraintOf(key)],
    );
    if (rows[0]?.lacking) possible.push(key);
  }
  return possible;
}

/** Default privileges of the database gave rights to what was made, which it did not have. */
async function clearRights(client: Client, made: readonly QualifiedName[]): Promise<void> {
  const { rows } = await client.query<{ kind: string; name: string; grantee: string }>(
    `select
       case relkind when 'S' then 'sequence' else 'table' end as kind,
       pg_class.oid::regclass::text as name,
       case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
     from unnest($1::text[]) as made (name)
     join pg_class on pg_class.oid = to_regclass(made.name)
     cross join aclexplode(relacl)
     where grantee <> relowner
     group by 1, 2, 3`,
    [made.map(sqlName)],
  );
  for (const { kind, name, grantee } of rows) {
    await client.query(`revoke all on ${kind} ${name} from ${grantee}`);
  }
}
