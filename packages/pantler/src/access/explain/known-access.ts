import type { Target } from "../../engine/index.js";
import type { Client } from "../../postgres/index.js";
import { type AccessIdentity, identityNamed } from "../identities.js";
import { become, type Request, readingTimeout, rolledBack } from "./reading.js";
import { type CommandRules, type RoleStanding, readRules, readStanding } from "./rules.js";
import { type ExplainedTable, findTable } from "./table.js";

export interface ExplainRequest {
  /** With its schema, or without where it is one of the project's own. */
  readonly table: string;
  /** A name of the project's identities, a user's address, or claims as JSON. */
  readonly as: string;
  /** Try indexes on a copy with so many rows; without it nothing is copied. */
  readonly rows?: number | undefined;
}

/** What is known before the table is read. */
export interface KnownAccess {
  readonly table: ExplainedTable;
  readonly identity: AccessIdentity;
  readonly asked: Request;
  readonly standing: RoleStanding;
  readonly commands: readonly CommandRules[];
}

/** Finds the table and the identity, and reads the policies that hold. */
export async function readPolicies(
  client: Client,
  target: Target,
  { table: words, as }: ExplainRequest,
): Promise<KnownAccess> {
  const table = await findTable(client, words);
  const identity = await identityNamed(client, target.project, as);
  const asked = await rolledBack(client, readingTimeout, async () => await become(client, identity.identity));
  const standing = await readStanding(client, table, asked.role);
  return { table, identity, asked, standing, commands: await readRules(client, table, standing) };
}
