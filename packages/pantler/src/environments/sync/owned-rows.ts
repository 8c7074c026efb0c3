import { RefusedError } from "../../operation/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";
import type { Side } from "../side.js";
import { readPresent } from "./plan-users.js";
import type { SyncedUser } from "./request.js";

/** A column of the project's that refers to users. */
interface Reference {
  /** For SQL. */
  readonly table: string;
  readonly column: string;
}

/** Foreign keys of one column, from https://www.postgresql.org/docs/17/catalog-pg-constraint.html. */
const references = `
select conrelid::regclass::text as table, attname as column
from pg_constraint
join pg_class on pg_class.oid = conrelid
join pg_attribute on attrelid = conrelid and attnum = conkey[1]
where contype = 'f'
  and conparentid = 0
  and confrelid = to_regclass('auth.users')
  and cardinality(conkey) = 1
  and relnamespace in (select oid from pg_namespace where nspname = any ($1))
order by 1, 2
`;

async function readReferences(client: Client, schemas: readonly string[]): Promise<Reference[]> {
  return (await client.query<Reference>(references, [schemas])).rows;
}

/** The rows that refer to other users than those in `$1`. */
function othersIn({ table, column }: Reference): string {
  const name = quoteIdentifier(column);
  return `from ${table} where ${name} is not null and not ${name}::text = any ($1)`;
}

/** So many users are named. */
const namedAtMost = 10;

/**
 * Sees to it that no row would refer to a user that the target does not have.
 * @param wanted the users that are taken along
 * @throws RefusedError `users-missing`
 */
export async function requireOwners(
  from: Side,
  to: Side,
  wanted: readonly SyncedUser[],
  schemas: readonly string[],
): Promise<void> {
  for (const reference of await readReferences(from.client, schemas)) {
    const { rows } = await from.client.query<{ id: string }>(
      `select distinct ${quoteIdentifier(reference.column)}::text as id ${othersIn(reference)}`,
      [wanted.map(({ id }) => id)],
    );
    const ids = rows.map(({ id }) => id);
    const present = await readPresent(to.client, ids);
    const missing = ids.filter((id) => !present.has(id));
    if (missing.length > 0) throw await ownersMissing(from, to, reference, missing);
  }
}

/** Says of which tables the target loses rows that belong to users who do not come from the source. */
export async function describeOthersRows(
  from: Side,
  to: Side,
  wanted: readonly SyncedUser[],
  schemas: readonly string[],
): Promise<string[]> {
  const warnings: string[] = [];
  for (const reference of await readReferences(to.client, schemas)) {
    const { rows } = await to.client.query<{ rows: string; users: string }>(
      `select count(*) as rows, count(distinct ${quoteIdentifier(reference.column)}) as users ${othersIn(reference)}`,
      [wanted.map(({ id }) => id)],
    );
    const [found] = rows;
    if (!found || found.rows === "0") continue;
    warnings.push(
      `rows of ${reference.table} in ${to.name} that will be gone: ${found.rows}, by ${reference.column} of ${found.users} ${found.users === "1" ? "user who does" : "users who do"} not come from ${from.name}`,
    );
  }
  return warnings;
}

async function ownersMissing(
  from: Side,
  to: Side,
  { table, column }: Reference,
  ids: readonly string[],
): Promise<RefusedError> {
  const { rows } = await from.client.query<{ name: string }>(
    "select coalesce(email, id::text) as name from auth.users where id::text = any ($1) order by 1 limit $2",
    [ids, namedAtMost],
  );
  const more = ids.length > rows.length ? [`and ${ids.length - rows.length} more`] : [];
  return new RefusedError({
    code: "users-missing",
    message: `Rows of ${table} refer by ${column} to users of ${from.name} who are not taken along and whom ${to.name} does not have.`,
    detail: [...rows.map(({ name }) => name), ...more].join("\n"),
    state: "Nothing was done.",
    remedy: "Take all users along (--users all), or give those rows to users who are.",
  });
}
