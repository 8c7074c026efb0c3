import pg from "pg";
import type { Target } from "../engine/index.js";
import { EnvironmentError, type Operation } from "../operation/index.js";
import {
  type Client,
  connect,
  refuseTransactionPooler,
  requireServer,
  sqlstates,
  takeDeploymentLock,
  withClient,
} from "../postgres/index.js";
import { prepareControl } from "./control.js";
import { prepareLedger } from "./ledger.js";

/** A connection that holds the deployment lock. */
export interface DeploymentSession {
  readonly target: Target;
  readonly client: Client;
  /** The process on the server that works for this session. */
  readonly backend: number;
  readonly serverMajor: number;
  readonly operation: Operation;
  readonly signal: AbortSignal | undefined;
  /** Brings the session back to what it was at its start, whatever a file has set. */
  readonly resetStatements: string;
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
 * @throws RefusedError `deployment-running`
 * @throws EnvironmentError when the environment cannot be reached, is too old or lacks a right
 */
export async function withDeploymentSession<Result>(
  target: Target,
  operation: Operation,
  signal: AbortSignal | undefined,
  work: (session: DeploymentSession) => Promise<Result>,
): Promise<Result> {
  refuseTransactionPooler(target.url);
  const client = await connect(target.url, { applicationName: "pantler deployment", pipeline: true });
  let stopListening = () => {};
  try {
    const [serverMajor, { rows }] = await Promise.all([
      requireServer(client, target.url),
      client.query<{ backend: number }>("select pg_backend_pid() as backend"),
    ]);
    const backend = rows[0]?.backend ?? 0;
    stopListening = cancelOnAbort(backend, target, signal);
    client.on("notice", (notice) => {
      if (notice.severity === "WARNING") operation.finding("warning", notice.message ?? "");
    });
    const known = await client.query(setStatement(noticeDeath)).then(
      () => ({ ...settings, ...noticeDeath }),
      () => settings,
    );
    await client.query(setStatement(known));
    await takeDeploymentLock(client);
    try {
      await prepareLedger(client);
      await prepareControl(client);
    } catch (error) {
      throw rightProblem(error, target) ?? error;
    }
    const resetStatements = `reset role; reset all; ${setStatement(known)}`;
    return await work({ target, client, backend, serverMajor, operation, signal, resetStatements });
  } finally {
    stopListening();
    await client.end().catch(() => {});
  }
}

/** Cancels the server's work when the signal is aborted, which then fails as any statement may. */
function cancelOnAbort(backend: number, target: Target, signal: AbortSignal | undefined): () => void {
  if (!signal) return () => {};
  const cancel = () => {
    // If the cancel request does not get through, the statement ends by itself and the signal is seen after it.
    void withClient(target.url, (second) => second.query("select pg_cancel_backend($1)", [backend])).catch(
      () => {},
    );
  };
  signal.addEventListener("abort", cancel, { once: true });
  return () => signal.removeEventListener("abort", cancel);
}

function rightProblem(error: unknown, target: Target): EnvironmentError | undefined {
  if (!(error instanceof pg.DatabaseError) || error.code !== sqlstates.insufficientPrivilege)
    return undefined;
  return new EnvironmentError({
    code: "right-missing",
    message: `The role ${target.url.user} may not keep the ledger: ${error.message}.`,
    state: "Nothing was done.",
    remedy: `Connect as the database's owner (on Supabase: postgres), or run as the owner: grant create on database ${target.url.database} to ${target.url.user}`,
    sqlstate: error.code,
    cause: error,
  });
}
