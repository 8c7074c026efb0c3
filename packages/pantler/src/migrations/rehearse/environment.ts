import type { Client } from "../../postgres/index.js";

/** What of an environment decides whether a rehearsal elsewhere says how it will behave. */
export interface RehearsalEnvironment {
  /** What the server calls itself, such as `17.10`. */
  readonly version: string;
  readonly major: number;
  /** The role that is connected, and changes the database. */
  readonly role: string;
  readonly extensions: readonly {
    readonly name: string;
    readonly version: string;
    /** Whether only its names are there: Pantler's own server has such of those that cannot be shipped. */
    readonly stub: boolean;
  }[];
  readonly roles: readonly {
    readonly name: string;
    readonly superuser: boolean;
    readonly bypassRowSecurity: boolean;
  }[];
  /** By their names; of the collation too. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Settings under which the same statement gives other results or takes other locks. What Pantler sets itself in the
 * sessions that it deploys over, such as statement_timeout, is not among them.
 */
const settingsThatMatter = [
  "server_encoding",
  "TimeZone",
  "DateStyle",
  "IntervalStyle",
  "search_path",
  "default_transaction_isolation",
  "default_table_access_method",
  "default_tablespace",
  "default_text_search_config",
  "session_replication_role",
  "row_security",
  "standard_conforming_strings",
  "extra_float_digits",
  "bytea_output",
  "xmloption",
];

/**
 * The collation's columns got other names with PostgreSQL 17 (https://www.postgresql.org/docs/17/catalog-pg-database.html).
 */
const facts = `
with here as (
  select to_jsonb(pg_database) as facts from pg_catalog.pg_database where datname = current_database()
)
select
  split_part(current_setting('server_version'), ' ', 1) as version,
  current_setting('server_version_num')::int / 10000 as major,
  current_user::text as role,
  (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', extname,
      'version', extversion,
      'stub', coalesce(starts_with(comment, 'stub of '), false)
    ) order by extname), '[]')
    from pg_catalog.pg_extension
    left join pg_catalog.pg_available_extensions on pg_available_extensions.name = extname
  ) as extensions,
  (
    select coalesce(jsonb_agg(jsonb_build_object(
      'name', rolname, 'superuser', rolsuper, 'bypassRowSecurity', rolbypassrls
    ) order by rolname), '[]')
    from pg_catalog.pg_roles
    where rolname !~ '^pg_'
  ) as roles,
  (
    select jsonb_object_agg(name, current_setting(name, true))
    from unnest($1::text[]) as wanted (name)
    where current_setting(name, true) is not null
  ) || (
    select jsonb_build_object(
      'the collation',
      concat_ws(
        ' ',
        case facts ->> 'datlocprovider' when 'c' then 'libc' when 'i' then 'icu' when 'b' then 'builtin' end,
        coalesce(facts ->> 'datlocale', facts ->> 'daticulocale', facts ->> 'datcollate')
      )
    )
    from here
  ) as settings
`;

/**
 * Reads what a rehearsal of an environment has to be like. It changes nothing and needs no right beyond connecting.
 * @param client a connection to the environment, as the role that deployments are made as
 */
export async function readRehearsalEnvironment(client: Client): Promise<RehearsalEnvironment> {
  const { rows } = await client.query<RehearsalEnvironment>(facts, [settingsThatMatter]);
  const [found] = rows;
  if (!found) throw new Error("a query without a table gives one row");
  return found;
}

/** Says why an environment may behave differently from the server that migrations were rehearsed on. */
export function unfaithfulness(environment: RehearsalEnvironment, here: RehearsalEnvironment): string[] {
  return [
    ...versionDifference(environment, here),
    ...extensionDifferences(environment, here),
    ...roleDifferences(environment, here),
    ...settingDifferences(environment, here),
  ];
}

function versionDifference(environment: RehearsalEnvironment, here: RehearsalEnvironment): string[] {
  if (environment.major === here.major) return [];
  return [
    `The environment is PostgreSQL ${environment.version}, the rehearsal ran on ${here.version}: locks and rewrites may differ.`,
  ];
}

function extensionDifferences(environment: RehearsalEnvironment, here: RehearsalEnvironment): string[] {
  const known = new Map(here.extensions.map((extension) => [extension.name, extension]));
  return environment.extensions.flatMap(({ name, version, stub }) => {
    const found = known.get(name);
    if (!found) return [`The extension ${name} ${version} was not there in the rehearsal.`];
    if (found.stub && !stub) {
      return [`The extension ${name} was a stub in the rehearsal: what calls it was not rehearsed.`];
    }
    if (found.version === version) return [];
    return [
      `The extension ${name} is ${version} in the environment and was ${found.version} in the rehearsal.`,
    ];
  });
}

function roleDifferences(environment: RehearsalEnvironment, here: RehearsalEnvironment): string[] {
  const known = new Map(here.roles.map((role) => [role.name, role]));
  const missing = environment.roles.filter(({ name }) => !known.has(name)).map(({ name }) => name);
  const differences =
    missing.length === 0
      ? []
      : [
          `${missing.length === 1 ? "The role" : "The roles"} ${missing.join(", ")} ${missing.length === 1 ? "was" : "were"} not there in the rehearsal.`,
        ];
  for (const { name, superuser, bypassRowSecurity } of environment.roles) {
    const found = known.get(name);
    if (!found) continue;
    if (found.superuser !== superuser) {
      differences.push(
        `The role ${name} is ${superuser ? "a" : "no"} superuser in the environment and was ${superuser ? "none" : "one"} in the rehearsal.`,
      );
    } else if (!superuser && found.bypassRowSecurity !== bypassRowSecurity) {
      differences.push(
        `Row security ${bypassRowSecurity ? "does not bind" : "binds"} the role ${name} in the environment, and ${bypassRowSecurity ? "did" : "did not"} in the rehearsal.`,
      );
    }
  }
  if (environment.role !== here.role) {
    differences.push(
      `The environment is changed as ${environment.role}; the rehearsal ran as ${here.role}, whose rights and whose ownership of what is made may differ.`,
    );
  }
  return differences;
}

function settingDifferences(environment: RehearsalEnvironment, here: RehearsalEnvironment): string[] {
  return Object.entries(environment.settings).flatMap(([name, value]) => {
    const found = here.settings[name];
    if (found === undefined || found === value) return [];
    return [
      `${capitalized(name)} is ${JSON.stringify(value)} in the environment and was ${JSON.stringify(found)} in the rehearsal.`,
    ];
  });
}

/** Settings keep their spelling; words do not. */
function capitalized(name: string): string {
  return name.startsWith("the ") ? `T${name.slice(1)}` : name;
}
