import { quoteIdentifier, quoteLiteral } from "../postgres/index.js";
import { block, when, whereAllowed } from "./guards.js";
import { supabaseRoles } from "./managed-schemas.js";
import type { Membership, Role, RoleSetting } from "./roles.js";

/**
 * Writes roles as a script that psql can run, and run again. A role that is there already is left as it is, save for
 * memberships and settings it lacks; what only a superuser may give is given where one runs it. Nobody gets a password.
 */
export function renderRoles(roles: readonly Role[]): string {
  const statements = [
    ...roles.map(creation),
    ...roles.filter(({ owns }) => owns).map(access),
    ...roles.flatMap((role) =>
      role.memberships
        .filter((membership) => !isSupabases(role.name) || !isSupabases(membership.role))
        .map((membership) => grant(role, membership)),
    ),
    ...roles.flatMap((role) => role.settings.map((setting) => set(role.name, setting))),
  ];
  return statements.map((statement) => `${statement};\n`).join("\n");
}

function isSupabases(role: string): boolean {
  return supabaseRoles.includes(role);
}

function creation(role: Role): string {
  const name = quoteIdentifier(role.name);
  const plain = [
    role.login ? "login" : "nologin",
    role.inherit ? "inherit" : "noinherit",
    ...(role.createRole ? ["createrole"] : []),
    ...(role.connectionLimit < 0 ? [] : [`connection limit ${role.connectionLimit}`]),
  ];
  const powers = [
    ...(role.createDatabase ? ["createdb"] : []),
    ...(role.superuser ? ["superuser"] : []),
    ...(role.replication ? ["replication"] : []),
    ...(role.bypassRowSecurity ? ["bypassrls"] : []),
  ];
  const missing = `not exists (select from pg_catalog.pg_roles where rolname = ${quoteLiteral(role.name)})`;
  const create = `create role ${name} ${plain.join(" ")}`;
  if (powers.length === 0) return when(missing, create);
  const given = powers.map((power) => whereAllowed([`alter role ${name} ${power}`]));
  return block(
    `  if ${missing} then\n` +
      [create, ...given].map((statement) => `    execute ${quoteLiteral(statement)};\n`).join("") +
      "  end if;\n",
  );
}

/** Whoever gives things to a role has to be able to become it, which since 16 its creator is not by itself. */
function access({ name }: Role): string {
  const becomes =
    "case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end";
  const unable = `not pg_has_role(current_user, ${quoteLiteral(name)}, ${becomes})`;
  return when(unable, whereAllowed([`grant ${quoteIdentifier(name)} to current_user`]));
}

function grant(role: Role, { role: group, admin, inherit, set: becomes }: Membership): string {
  const plain = `grant ${quoteIdentifier(group)} to ${quoteIdentifier(role.name)}${admin ? " with admin option" : ""}`;
  const options = [
    ...(inherit === undefined || inherit === role.inherit ? [] : [`inherit ${inherit}`]),
    ...(becomes === undefined || becomes ? [] : ["set false"]),
  ];
  const lacking = `not exists (
    select from pg_catalog.pg_auth_members
    where roleid = ${quoteLiteral(quoteIdentifier(group))}::regrole and member = ${quoteLiteral(quoteIdentifier(role.name))}::regrole
  )`;
  if (options.length === 0) return when(lacking, whereAllowed([plain]));
  const detailed = `${plain}${admin ? ", " : " with "}${options.join(", ")}`;
  // The options came with 16; without them a membership is what it was before.
  const newer = "current_setting('server_version_num')::int >= 160000";
  return when(lacking, whereAllowed([when(newer, detailed, plain)]));
}

/** Settings whose value is a list of names, which the catalog keeps with their quotes (`GUC_LIST_QUOTE` in guc_tables.c). */
const lists = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
]);

function set(role: string, { name, value, hereOnly }: RoleSetting): string {
  const values = lists.has(name.toLowerCase()) ? namesOf(value) : [value];
  const change = `set ${quoteIdentifier(name)} to ${values.map(quoteLiteral).join(", ")}`;
  const lacking = `not exists (
    select from pg_catalog.pg_db_role_setting
    cross join unnest(setconfig) as setting
    where setrole = ${quoteLiteral(quoteIdentifier(role))}::regrole
      and setdatabase = ${hereOnly ? "(select oid from pg_catalog.pg_database where datname = current_database())" : "0"}
      and split_part(setting, '=', 1) = ${quoteLiteral(name)}
  )`;
  const alter = `alter role ${quoteIdentifier(role)} `;
  if (!hereOnly) return when(lacking, whereAllowed([`${alter}${change}`]));
  const here = `execute ${quoteLiteral(`${alter}in database `)} || quote_ident(current_database()) || ${quoteLiteral(` ${change}`)}`;
  return when(lacking, block(`  ${here};\n`));
}

/** The names in such a list: in quotes, where a quote is doubled, or without. */
function namesOf(list: string): string[] {
  const names = [...list.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)];
  return names.map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? "");
}
