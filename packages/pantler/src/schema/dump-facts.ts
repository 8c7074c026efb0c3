import type { Client } from "../postgres/index.js";
import { managedRoles, readSchemas, type Schemas } from "./managed-schemas.js";

/** What has to be known about a database to tell the project's entries of its dump from others. */
export interface DumpFacts extends Schemas {
  /** The server's major version. */
  readonly major: number;
  /** Whether a session begins with `standard_conforming_strings` on. */
  readonly plainStrings: boolean;
  readonly schemas: readonly string[];
  readonly roles: readonly string[];
  /** Rights on members of extensions, as the headers of their entries name them: see `memberKey`. */
  readonly members: ReadonlySet<string>;
  /** For each publication how it is set where it exists already: the part of `alter publication … set` in brackets. */
  readonly publications: ReadonlyMap<string, string>;
}

/**
 * Members of extensions under the names that pg_dump gives their rights (`getAdditionalACLs`, `dumpACL` in pg_dump.c):
 * functions with the types of their arguments and without quotes.
 */
const membersOf = `
select nspname as schema, named.name
from pg_depend
join (
  select
    'pg_proc'::regclass as classid,
    pg_proc.oid,
    pronamespace as namespace,
    case prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end || ' ' || proname || '(' || coalesce(
      (
        select string_agg(format_type(type, null), ', ' order by place)
        from unnest(proargtypes) with ordinality as arguments (type, place)
      ),
      ''
    ) || ')' as name
  from pg_proc
  union all
  select
    'pg_class'::regclass,
    oid,
    relnamespace,
    case relkind when 'S' then 'SEQUENCE ' else 'TABLE ' end || relname
  from pg_class
  union all
  select 'pg_type'::regclass, oid, typnamespace, 'TYPE ' || typname from pg_type
) as named on named.classid = pg_depend.classid and named.oid = pg_depend.objid
join pg_namespace on pg_namespace.oid = named.namespace
where deptype = 'e'
`;

const publicationsOf = `
select
  pubname as name,
  format(
    'publish = %L, publish_via_partition_root = %s',
    concat_ws(
      ', ',
      case when pubinsert then 'insert' end,
      case when pubupdate then 'update' end,
      case when pubdelete then 'delete' end,
      case when pubtruncate then 'truncate' end
    ),
    pubviaroot::text
  ) as settings
from pg_publication
`;

/** Reads the facts, in the transaction that is open, under `settingsForDefinitions`. */
export async function readDumpFacts(client: Client): Promise<DumpFacts> {
  const names = async (sql: string) =>
    (await client.query<{ name: string }>(sql)).rows.map(({ name }) => name);
  const { rows: members } = await client.query<{ schema: string; name: string }>(membersOf);
  const { rows: publications } = await client.query<{ name: string; settings: string }>(publicationsOf);
  const [version = "0"] = await names("select current_setting('server_version_num') as name");
  // What the transaction has set is not what the next session begins with.
  const [plain] = await names(
    "select reset_val as name from pg_settings where name = 'standard_conforming_strings'",
  );
  return {
    ...(await readSchemas(client)),
    major: Math.floor(Number(version) / 10_000),
    plainStrings: plain === "on",
    schemas: await names("select nspname as name from pg_namespace"),
    roles: await names("select rolname as name from pg_roles"),
    members: new Set(members.map(({ schema, name }) => memberKey(schema, name))),
    publications: new Map(publications.map(({ name, settings }) => [name, settings])),
  };
}

/** The schemas that a dump leaves out. */
export function excludedSchemas({ managed, dumped }: Schemas): string[] {
  return managed.filter((name) => !dumped.includes(name));
}

/** A member of an extension, by its schema and the name that a header of its rights has. */
export function memberKey(schema: string | undefined, name: string): string {
  return JSON.stringify([schema, name]);
}

/** Whether a role is one that Supabase itself works as. */
export function isManagedRole(name: string): boolean {
  return managedRoles.includes(name);
}
