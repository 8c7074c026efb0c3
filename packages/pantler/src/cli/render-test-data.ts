import type { Project, TestData } from "../index.js";
import { counted, grouped } from "../operation/index.js";
import { type Cell, inColumns } from "./columns.js";
import type { Paint } from "./output.js";

/** What was made, for `--json`. The password is not part of it. */
export function testDataFields({ users, tables }: TestData): Record<string, unknown> {
  return {
    users: users.map(({ id, role, name, email, outcome }) => ({ id, role, name, email, outcome })),
    tables,
    rows: total(tables),
  };
}

/** What was made: who can sign in, and with how much. */
export function renderTestData({ users, tables }: TestData, project: Project, paint: Paint): string {
  const { password, isUsualPassword } = project.users;
  const shown = isUsualPassword ? password : "the password in TEST_USER_PASSWORD";
  const people = users.map(({ name, email, outcome }): Cell[] => [
    { text: `  ${name}` },
    { text: `${email} / ${shown}` },
    { text: outcome === "created" ? "" : outcome, paint: paint.dim },
  ]);
  const rows = tables.map(({ table, rows: count, added, changed }): Cell[] => {
    const did = [added > 0 ? `${grouped(added)} new` : "", changed > 0 ? `${grouped(changed)} changed` : ""];
    return [
      { text: `  ${table}` },
      { text: grouped(count), right: true },
      { text: did.filter((part) => part !== "").join(", "), paint: paint.dim },
    ];
  });
  return [
    ...(people.length > 0 ? [paint.bold("Users"), ...inColumns(people)] : []),
    ...(rows.length > 0 ? [paint.bold("Rows"), ...inColumns(rows)] : []),
    `${counted(users.length, "user")} and ${counted(total(tables), "row")}.`,
  ].join("\n");
}

function total(tables: TestData["tables"]): number {
  return tables.reduce((sum, { rows }) => sum + rows, 0);
}
