import {
  type AccessMatrix,
  type Cell,
  DatabaseUrl,
  type MatrixRequest,
  measureAccess,
  Operation,
  openProject,
  type Project,
} from "../../src/index.js";
import { type TestDatabase, withDatabase } from "./database.js";
import { withFolder } from "./project.js";

/** Two people with tables of their own, on a database of a test's own. */
export interface Measured extends TestDatabase {
  readonly project: Project;
  /** Measures as the given identities, or as all. */
  readonly measure: (request?: MatrixRequest) => Promise<AccessMatrix>;
}

export const ada = "11111111-1111-4111-8111-111111111111";
export const ben = "22222222-2222-4222-8222-222222222222";

const config = `export default {
  users: {
    test: [
      { role: "ada", name: "Ada", email: "ada@test.local" },
      { role: "ben", name: "Ben", email: "ben@test.local" },
    ],
  },
};
`;

/**
 * Runs a test with two users, who are identities of the project, and what the statements make.
 * @param settings the project's config, where the usual one does not do
 */
export async function withPeople(
  statements: string,
  test: (measured: Measured) => Promise<void>,
  settings = config,
): Promise<void> {
  await withDatabase(async (database) => {
    await database.client.query(
      `insert into auth.users (id, email, aud, role) values
        ('${ada}', 'ada@test.local', 'authenticated', 'authenticated'),
        ('${ben}', 'ben@test.local', 'authenticated', 'authenticated');
      ${statements}`,
    );
    await withFolder({ "pantler.config.ts": settings }, async (folder) => {
      const project = await openProject({ folder, from: folder, variables: {} });
      const url = DatabaseUrl.parse(database.url, "the test");
      await test({
        ...database,
        project,
        measure: async (request = {}) => await measureAccess(url, project, request, new Operation()),
      });
    });
  });
}

/** What was measured of one identity and one table or view of `public`. */
export function cellOf(matrix: AccessMatrix, identity: string, relation: string, schema = "public"): Cell {
  const found = matrix.relations.find((each) => each.name === relation && each.schema === schema);
  const cell = found?.cells[identity];
  if (!cell) throw new Error(`${identity} and ${schema}.${relation} were not measured`);
  return cell;
}

/** The levels of a cell, by command and class, as short as they can be told. */
export function levels(cell: Cell): Record<string, Record<string, string>> {
  return Object.fromEntries(
    (["select", "insert", "update", "delete"] as const).map((command) => [
      command,
      Object.fromEntries(
        Object.entries(cell[command].verdicts).map(([rowClass, verdict]) => [rowClass, verdict.level]),
      ),
    ]),
  );
}
