import {
  type Client,
  holdsDeploymentLock,
  isConnectionLoss,
  takeDeploymentLock,
  withClient,
} from "../postgres/index.js";
import type { Direction } from "./direction.js";
import { commitUnknown, StepFailure } from "./failure.js";
import { readLedger } from "./ledger.js";
import type { PlannedMigration } from "./plan.js";
import type { DeploymentSession } from "./session.js";

/** How long a server may take to end a commit after its client is gone, in milliseconds. */
const commitPatience = 60_000;

/**
 * Commits. Where the connection breaks at that moment, the ledger says whether the server had done it, as soon as
 * the old session is gone and has given the deployment lock back.
 * @param migrations those that the transaction records in the ledger, or takes out of it
 * @throws NeedsHandsError `commit-unknown`
 * @throws the driver's error when it was not done
 */
export async function commit(
  session: DeploymentSession,
  migrations: readonly PlannedMigration[],
  direction: Direction,
): Promise<void> {
  await requireDeploymentLock(session.client);
  try {
    await session.client.query("commit");
  } catch (error) {
    if (!isConnectionLoss(error)) throw error;
    const done = await askLedger(session, migrations, direction).catch((because: unknown) => {
      throw commitUnknown(session, error, because);
    });
    if (!done) throw error;
  }
}

/**
 * Sees to it that the session still keeps other deployments out.
 * @throws StepFailure `lock-lost`
 */
export async function requireDeploymentLock(client: Client): Promise<void> {
  if (await holdsDeploymentLock(client)) return;
  throw new StepFailure(undefined, {
    code: "lock-lost",
    message: "A migration has given away the lock that keeps other deployments out.",
    detail: "pg_advisory_unlock_all() gives away every lock of the session.",
    remedy: "Unlock only what the migration itself has locked.",
  });
}

async function askLedger(
  { target }: DeploymentSession,
  migrations: readonly PlannedMigration[],
  direction: Direction,
): Promise<boolean> {
  return await withClient(target.url, async (client) => {
    await takeDeploymentLock(client, commitPatience);
    const applied = (await readLedger(client)).map(({ version }) => version);
    const known = migrations.some(({ version }) => applied.includes(version));
    return known === (direction.way === "up");
  });
}
