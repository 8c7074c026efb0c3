import { listTables, type QualifiedName, requireReadable, type Table } from "../../copy/index.js";
import type { Client } from "../../postgres/index.js";
import { readSchemas } from "../../schema/index.js";

/** What of a database is the project's data. */
export interface ProjectData {
  /** The project's schemas: without the ledger, and without what Pantler records of the environment. */
  readonly schemas: readonly string[];
  /** Their tables. */
  readonly tables: readonly Table[];
  /** Supabase's tables of users and of their ways to sign in, where they are, in this order. */
  readonly users: { readonly users: Table; readonly identities: Table } | undefined;
}

const users: QualifiedName = { schema: "auth", name: "users" };
const identities: QualifiedName = { schema: "auth", name: "identities" };

/**
 * Lists what of a database is the project's data.
 * @throws EnvironmentError `right-missing` where the role does not see every row
 */
export async function readProjectData(client: Client): Promise<ProjectData> {
  const { own: schemas } = await readSchemas(client);
  const found = await listTables(client, schemas, [users, identities]);
  requireReadable(found);
  const named = ({ schema, name }: QualifiedName) =>
    found.find((table) => table.schema === schema && table.name === name);
  const [ofUsers, ofIdentities] = [named(users), named(identities)];
  // In a database that is not Supabase's they may be the project's own, which are tables as all others.
  const areSupabases = !schemas.includes(users.schema);
  return {
    schemas,
    tables: found.filter(({ schema }) => schemas.includes(schema)),
    users: areSupabases && ofUsers && ofIdentities ? { users: ofUsers, identities: ofIdentities } : undefined,
  };
}

/** The columns that a table has on both sides, in the order of the first. */
export function commonColumns(left: Table, right: Table): string[] {
  return left.columns.filter((column) => right.columns.includes(column));
}
