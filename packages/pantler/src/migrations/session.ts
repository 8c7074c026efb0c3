import type { Target } from "../engine/index.js";
import type { Operation } from "../operation/index.js";
import {
  type Client,
  cancelOnAbort,
  connect,
  environmentProblem,
  refuseTransactionPooler,
  requireServer,
  sqlstates,
  takeDeploymentLock,
} from "../postgres/index.js";
import { prepareControl } from "./control.js";
import { prepareLedger } from "./ledger.js";

/** A connection that holds the deployment lock. */
export interface DeploymentSession {
  readonly target: Target;
  readonly client: Client;
  readonly serverMajor: number;
  readonly operation: Operation;
  readonly signal: AbortSignal | undefined;
  /**
   * Statements that bring the session back to what it was at its start, whatever a file has set. The last of them
   * is a select, to which more columns may be added.
   */
  readonly reset: string;
  /** The id of the backup that was taken and proven for this work. */
  readonly backup: string | undefined;
}

/**
 * How long a statement may wait for a lock before its transaction is given up and tried again: while it waits,
 * everybody else waits behind it. And: a migration may take as long as it takes.
 */
const settings: Readonly<Record<string, string>> = {
  lock_timeout: "4s",
  statement_timeout: "0",
  idle_in_transaction_session_timeout: "0",
};

/** Lets the server notice within a second that this process died, and give the lock back. Not on every platform. */
const noticeDeath = { client_connection_check_interval: "1s" };

/** One statement for all settings: it is sent once for every migration. */
function setStatement(wanted: Readonly<Record<string, string>>): string {
  const calls = Object.entries(wanted).map(
    ([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`,
  );
  return `select ${calls.join(", ")}`;
}

/**
 * Opens a session for changing a database: checks that it may be changed from here, takes the deployment lock and
 * makes the ledger and the control table if they are missing.
 * @param signal ends the statement that is running when it is aborted
 * @param backup the id of the backup that was taken and proven for this work, for the record
 * @throws RefusedError `deployment-running`
 * @throws EnvironmentError when the environment cannot be reached, is too old or lacks a right
 */
export async function withDeploymentSession<Result>(
  target: Target,
  operation: Operation,
  signal: AbortSignal | undefined,
  work: (session: DeploymentSession) => Promise<Result>,
  backup?: string,
): Promise<Result> {
  refuseTransactionPooler(target.url);
  const client = await connect(target.url, { applicationName: "pantler deployment", pipeline: true });
  let stopListening = () => {};
  try {
    const serverMajor = await requireServer(client, target.url);
    stopListening = await cancelOnAbort(client, target.url, signal);
    client.on("notice", (notice) => {
      if (notice.severity === "WARNING" && notice.code !== sqlstates.noActiveTransaction) {
        operation.finding("warning", notice.message ?? "");
      }
    });
    const wanted = { ...settings, ...(serverMajor >= 17 ? { transaction_timeout: "0" } : {}) };
    const known = await client.query(setStatement(noticeDeath)).then(
      () => ({ ...wanted, ...noticeDeath }),
      () => wanted,
    );
    await client.query(setStatement(known));
    await takeDeploymentLock(client);
    await prepareLedger(client);
    await prepareControl(client);
    // Only a superuser can have changed whom the session is authorized as.
    const { rows } = await client.query<{ superuser: boolean }>(
      "select current_setting('is_superuser')::boolean as superuser",
    );
    const authorization = rows[0]?.superuser ? "reset session authorization; " : "";
    const reset = `${authorization}reset role; reset all; ${setStatement(known)}`;
    return await work({ target, client, serverMajor, operation, signal, reset, backup });
  } catch (error) {
    throw environmentProblem(target.url, error) ?? error;
  } finally {
    stopListening();
    await client.end().catch(() => {});
  }
}
