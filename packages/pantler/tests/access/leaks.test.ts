import { describe, expect, it } from "vitest";
import { type AccessMatrix, type Cell, measureAccess, Operation } from "../../src/index.js";
import { accessFixtures, adaAndBen } from "../support/access-fixtures.js";
import { query } from "../support/inspect.js";
import { withProject } from "../support/project.js";

const ben = "00000000-0000-4000-8000-00000000000b";

const identities = [
  { name: "ada", email: "ada@example.com" },
  { name: "ben", email: "ben@example.com" },
  {
    name: "self-made-admin",
    role: "authenticated",
    claims: { sub: ben, user_metadata: { role: "admin" } },
  },
];

async function measure(sql: string): Promise<AccessMatrix> {
  let matrix: AccessMatrix | undefined;
  await withProject({}, async (project) => {
    project.write("pantler.config.json", JSON.stringify({ access: { identities } }));
    await query(project.url, adaAndBen);
    await query(project.url, sql);
    const { target } = await project.reopen();
    matrix = await measureAccess(target.url, target.project, {}, new Operation());
  });
  if (!matrix) throw new Error("it was measured");
  return matrix;
}

const commands = ["select", "insert", "update", "delete"] as const;
type Command = (typeof commands)[number];

/** Whether something can be done with rows that are not one's own, as far as those have owners. */
function reachesOthers(cell: Cell, command: Command): boolean {
  const { own: _, ...others } = cell[command].verdicts;
  return Object.values(others).some(({ level }) => level === "all" || level === "some");
}

/** Whether a matrix shows what a fixture says, such as `anon select public.notes`. */
function shows(matrix: AccessMatrix, said: string): boolean {
  const [identity = "", ...words] = said.split(" ");
  const subject = words.pop() ?? "";
  const deed = words.join(" ");
  if (deed === "call") {
    return matrix.functions.some(({ name, calls }) => name === subject && calls[identity]?.callable === true);
  }
  const [schema, name, column] = subject.split(".");
  const relation = matrix.relations.find((each) => each.schema === schema && each.name === name);
  const cell = relation?.cells[identity];
  if (!cell) return false;
  if (column !== undefined) return cell.update.verdicts.own?.columns?.includes(column) ?? false;
  if (deed === "gives away") return cell.update.ownership["gives away"] !== undefined;
  if (deed === "fails") {
    return Object.values(cell.select.verdicts).some(({ why }) => why?.includes("42P17") ?? false);
  }
  return reachesOthers(cell, deed as Command);
}

/** What somebody can do with other people's rows, or with all of a table whose rows are nobody's in particular. */
function leaksOf({ relations }: AccessMatrix): string[] {
  return relations.flatMap(({ schema, name, cells }) =>
    Object.entries(cells).flatMap(([identity, cell]) => {
      if (identity === "service_role") return [];
      const reached = commands.filter(
        (command) => reachesOthers(cell, command) && !isShared(cell, command, identity),
      );
      const changes = Object.keys(cell.update.ownership);
      return [...reached, ...changes].map((deed) => `${deed} ${schema}.${name}`);
    }),
  );
}

/** Whether a table without owners lets those who sign in use a part of its rows, or add some like those. */
function isShared(cell: Cell, command: Command, identity: string): boolean {
  const { rows } = cell[command].verdicts;
  return rows !== undefined && identity !== "anon" && (rows.level === "some" || command === "insert");
}

describe("the access matrix", () => {
  const leaky = accessFixtures("leaky").filter(({ measured }) => measured.length > 0);

  it.concurrent.each(leaky)("shows in $name that $about", async ({ sql, measured }) => {
    const matrix = await measure(sql);
    expect(measured.filter((said) => !shows(matrix, said))).toEqual([]);
  });

  it.concurrent.each(accessFixtures("sound"))("shows no leak in $about ($name)", async ({ sql, open }) => {
    expect(new Set(leaksOf(await measure(sql)))).toEqual(new Set(open));
  });
});
