import { type QualifiedName, sqlName, type Table } from "../../copy/index.js";
import type { Project } from "../../project/index.js";
import type { TablePair } from "./compare-tables.js";
import { commonColumns, type ProjectData } from "./project-tables.js";
import { conditionOnIdentities, conditionOnUsers, type WhichUsers } from "./which-users.js";

/** What changes whenever somebody signs in, and makes nobody another user. */
const changedBySigningIn = ["last_sign_in_at", "updated_at"];

/** Puts the project's tables of two environments side by side, by name. */
export function pairTables(left: ProjectData, right: ProjectData): TablePair[] {
  const names = new Map<string, QualifiedName>();
  for (const table of [...left.tables, ...right.tables]) names.set(sqlName(table), table);
  return [...names.values()].map(({ schema, name }) => {
    const of = ({ tables }: ProjectData) =>
      tables.find((table) => table.schema === schema && table.name === name);
    return pair(of(left), of(right), { schema, name });
  });
}

/** Puts users and their ways to sign in side by side; nothing where one of the two is no Supabase database. */
export function pairUsers(
  left: ProjectData,
  right: ProjectData,
  project: Project,
  which: WhichUsers,
): TablePair[] {
  if (which === "none" || !left.users || !right.users) return [];
  const onUsers = conditionOnUsers(project, which);
  const of = (name: "users" | "identities", rows: string | undefined): TablePair => {
    const found = pair(left.users?.[name], right.users?.[name], { schema: "auth", name });
    const columns = found.columns.filter((column) => !changedBySigningIn.includes(column));
    return { ...found, columns, strict: false, rows };
  };
  return [of("users", onUsers), of("identities", conditionOnIdentities(onUsers))];
}

function pair(left: Table | undefined, right: Table | undefined, { schema, name }: QualifiedName): TablePair {
  const columns = left && right ? commonColumns(left, right) : ((left ?? right)?.columns ?? []);
  return { schema, name, left, right, columns, strict: true, rows: undefined };
}
