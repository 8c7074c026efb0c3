import { type QualifiedName, restoreSequences, sqlName } from "../copy/index.js";
import type { Client } from "../postgres/index.js";
import type { DumpEntry } from "../schema/index.js";
import { applyEntries } from "./apply-entries.js";
import { isSame } from "./contents.js";
import { constraintOf } from "./entry-order.js";
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
  const all = [...whole.pre, ...whole.post, ...whole.rights];
  const sequences = all.flatMap(({ type, relation, references }) =>
    type === "SEQUENCE OWNED BY" && relation && isAmong(tables, references) ? relation : [],
  );
  const made = [...tables, ...sequences];
  const isMade = (name: QualifiedName | undefined) => isAmong(made, name);
  const pre = whole.pre.filter(({ type, relation }) => type !== attaching && isMade(relation));
  const schemas = await missingSchemas(client, whole.pre, made);
  await applyEntries(client, [...schemas, ...pre], true);
  await restoreSequences(client, whole.sequences.filter(isMade));
  return {
    tables,
    finish: async () => {
      const allPost = [...whole.post, ...whole.broken];
      const post = allPost.filter(({ relation }) => isMade(relation));
      const isEarly = ({ type }: DumpEntry) => type === "INDEX" || type === "CONSTRAINT";
      await applyEntries(client, post.filter(isEarly), true);
      // A partition brings its indexes along, which become parts of those of the whole.
      const attached = whole.pre.filter(({ type, relation }) => type === attaching && isMade(relation));
      await applyEntries(client, attached, true);
      const later = post.filter((entry) => !isEarly(entry));
      await applyEntries(client, [...later, ...commentsOn(post, allPost)], true);
      await applyEntries(client, await keysOfOthers(client, allPost, tables, isMade), true);
      await clearRights(client, made);
      const rights = whole.rights.filter(
        ({ type, name, relation }) =>
          isMade(relation) || (type === "ACL" && schemas.some((schema) => name === `SCHEMA ${schema.name}`)),
      );
      await applyEntries(client, rights, true);
    },
  };
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

/** Comments on what was made that name no table. */
function commentsOn(made: readonly DumpEntry[], post: readonly DumpEntry[]): DumpEntry[] {
  const named = new Set(
    made.map((entry) => {
      const { type, schema, name } = entry;
      // A key's index has the name of its constraint.
      const words = type === "CONSTRAINT" ? `INDEX ${constraintOf(entry)}` : `${type} ${name}`;
      return JSON.stringify([schema, words]);
    }),
  );
  return post.filter(
    ({ type, schema, name, relation }) =>
      type === "COMMENT" && relation === undefined && named.has(JSON.stringify([schema, name])),
  );
}

/** Foreign keys that other tables had to those that were made, as far as those tables are there and lack them. */
async function keysOfOthers(
  client: Client,
  post: readonly DumpEntry[],
  tables: readonly QualifiedName[],
  isMade: (name: QualifiedName | undefined) => boolean,
): Promise<DumpEntry[]> {
  const keys = post.filter(
    ({ type, relation, references }) =>
      type === "FK CONSTRAINT" && isAmong(tables, references) && relation !== undefined && !isMade(relation),
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
