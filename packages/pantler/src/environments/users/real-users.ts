import type { Target } from "../../engine/index.js";
import { RefusedError } from "../../operation/index.js";
import { type Client, withClient } from "../../postgres/index.js";
import type { Project } from "../../project/index.js";
import { conditionOnUsers } from "../parity/which-users.js";

/** What speaks against putting test data into an environment. */
export interface SeedHazard {
  readonly isProtected: boolean;
  /** How many users are not known to be nobody's. */
  readonly realUsers: number;
}

/**
 * Finds out what speaks against putting test data into an environment.
 * @returns undefined where nothing does
 */
export async function findSeedHazard(target: Target): Promise<SeedHazard | undefined> {
  return await withClient(target.url, async (client) => await readHazard(client, target));
}

async function readHazard(client: Client, { environment, project }: Target): Promise<SeedHazard | undefined> {
  const realUsers = await countRealUsers(client, project);
  return environment.protected || realUsers > 0
    ? { isProtected: environment.protected, realUsers }
    : undefined;
}

/**
 * Refuses to go on where real people may be, unless the environment's exact name was given.
 * @throws RefusedError `real-users`
 */
export async function refuseRealUsers(
  client: Client,
  target: Target,
  confirmed: string | undefined,
): Promise<void> {
  const hazard = await readHazard(client, target);
  const { name } = target.environment;
  if (!hazard || confirmed === name) return;
  throw new RefusedError({
    code: "real-users",
    message: hazardInWords(name, hazard),
    state: "Nothing was done.",
    remedy: `Give its exact name if it is meant: --confirm ${name}`,
  });
}

/** Says what speaks against it, in a sentence. */
export function hazardInWords(environment: string, { isProtected, realUsers }: SeedHazard): string {
  const users = realUsers === 1 ? "1 user who is no test user" : `${realUsers} users who are no test users`;
  if (realUsers === 0) return `${environment} is protected, and this adds test data to it.`;
  return `${environment} ${isProtected ? "is protected and holds" : "holds"} ${users}, and this adds test data to it.`;
}

/** Counts the users who are not known to be nobody's. */
async function countRealUsers(client: Client, project: Project): Promise<number> {
  const { rows: there } = await client.query<{ there: boolean }>(
    "select to_regclass('auth.users') is not null as there",
  );
  if (!there[0]?.there) return 0;
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int as count from auth.users
    where deleted_at is null and (${conditionOnUsers(project, "test")}) is not true`,
  );
  return rows[0]?.count ?? 0;
}
