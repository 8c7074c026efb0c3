import { Socket } from "node:net";
import pg from "pg";
import { EnvironmentError, messageOf } from "../operation/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { sqlstates } from "./sqlstates.js";

export type Client = pg.Client;

/** The oldest server this library works with: views need `security_invoker`, which came with 15. */
const oldestServer = 15;

/** How long to wait for a server to take the connection, in milliseconds. */
const connectTimeout = 10_000;

/** The port on which Supabase's pooler gives every transaction another server connection. */
const transactionPoolerPort = 6543;

export interface ConnectOptions {
  /** What the server shows as this session's application; `pantler` by default. */
  readonly applicationName?: string;
  /** Send queries without waiting for the answers of those before. */
  readonly pipeline?: boolean;
}

/**
 * Opens a connection.
 * @throws EnvironmentError `server-unreachable`, `tls-unsupported`, `password-wrong`, `database-missing`, `server-busy`,
 * `login-refused`; none of them holds the password
 */
export async function connect(url: DatabaseUrl, options: ConnectOptions = {}): Promise<Client> {
  const client = new pg.Client({
    ...url.parameters(),
    application_name: options.applicationName ?? "pantler",
    connectionTimeoutMillis: connectTimeout,
    keepAlive: true,
    // The driver's own choice of a socket first looks for another run time, which loads 20 ms of Node's fetch.
    stream: () => new Socket(),
    ...(options.pipeline ? { pipeline: true } : {}),
  });
  // Without a listener a connection that breaks between two queries would end the process; the next query reports it.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw connectionProblem(url, error);
  }
  return client;
}

/**
 * Runs work on a connection of its own, which is closed afterwards.
 * @throws what `connect` and the work throw
 */
export async function withClient<Result>(
  url: DatabaseUrl,
  work: (client: Client) => Promise<Result>,
  options?: ConnectOptions,
): Promise<Result> {
  const client = await connect(url, options);
  try {
    return await work(client);
  } catch (error) {
    throw environmentProblem(url, error) ?? error;
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Puts the two failures that any query may meet into words: the connection broke, or a right is missing.
 * @returns undefined for every other error
 */
export function environmentProblem(url: DatabaseUrl, error: unknown): EnvironmentError | undefined {
  const because = messageOf(error);
  if (isConnectionLoss(error)) {
    return new EnvironmentError({
      code: "connection-lost",
      message: `The connection to ${url} broke: ${because}.`,
      state: "What was not committed is undone.",
      remedy: "Check the server, then run it again.",
      cause: error,
    });
  }
  if (!(error instanceof pg.DatabaseError) || error.code !== sqlstates.insufficientPrivilege)
    return undefined;
  return new EnvironmentError({
    code: "right-missing",
    message: `The role ${url.user} lacks a right: ${because}.`,
    state: "Nothing was done.",
    remedy: `Connect as the owner of what is named (on Supabase: postgres), or have the owner grant the right to ${url.user}.`,
    sqlstate: error.code,
    cause: error,
  });
}

/**
 * Refuses an address whose session does not outlive a transaction: locks and settings would be lost.
 * @throws EnvironmentError `transaction-pooler`
 */
export function refuseTransactionPooler(url: DatabaseUrl): void {
  if (url.port !== transactionPoolerPort) return;
  throw new EnvironmentError({
    code: "transaction-pooler",
    message: `${url} is a pooler in transaction mode (port ${transactionPoolerPort}), which cannot hold a lock or a session setting.`,
    state: "Nothing was done.",
    remedy: `Use the session pooler, ${url.with({ port: 5432 })}, or the direct address of the database.`,
  });
}

/**
 * Reads the server's major version and refuses one that is too old.
 * @returns the major version
 * @throws EnvironmentError `server-too-old`
 */
export async function requireServer(client: Client, url: DatabaseUrl): Promise<number> {
  const { rows } = await client.query<{ version: string }>(
    "select current_setting('server_version_num') as version",
  );
  const major = Math.floor(Number(rows[0]?.version) / 10_000);
  if (major >= oldestServer) return major;
  throw new EnvironmentError({
    code: "server-too-old",
    message: `${url} is PostgreSQL ${major}; version ${oldestServer} is the oldest that works.`,
    state: "Nothing was done.",
    remedy: `Upgrade the server to PostgreSQL ${oldestServer} or newer.`,
  });
}

/** What Node's sockets say when a connection is gone. */
const socketErrors = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENETRESET",
]);

/** The driver gives these no code, so its words have to do (pg/lib/client.js). */
const driverLosses = /^Connection terminated|^Client (was closed|has encountered a connection error)/;

/** Whether an error means that the connection is gone, not that a statement failed. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return error.severity === "FATAL" || error.severity === "PANIC";
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return socketErrors.has(code) || driverLosses.test(error.message);
}

function connectionProblem(url: DatabaseUrl, error: unknown): EnvironmentError {
  const because = messageOf(error);
  const problem = (code: string, message: string, remedy: string) =>
    new EnvironmentError({
      code,
      message,
      state: "Nothing was done.",
      remedy,
      ...(error instanceof pg.DatabaseError && error.code ? { sqlstate: error.code } : {}),
      cause: error,
    });
  if (!(error instanceof pg.DatabaseError)) {
    const reason =
      error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0].message : because;
    if (because === "The server does not support SSL connections") {
      return problem(
        "tls-unsupported",
        `${url} takes no encrypted connections.`,
        "If the way to it is safe without, add ?sslmode=disable to the address.",
      );
    }
    return problem(
      "server-unreachable",
      `${url} cannot be reached: ${reason}.`,
      "Check that the server runs and that host and port are right; for the local server run: pantler start",
    );
  }
  switch (error.code) {
    case sqlstates.invalidPassword:
    case sqlstates.invalidAuthorization:
      return problem("password-wrong", `${url} refused the login: ${because}.`, "Check user and password.");
    case sqlstates.invalidCatalogName:
      return problem("database-missing", `${url}: ${because}.`, "Check the database's name.");
    case sqlstates.cannotConnectNow:
    case sqlstates.tooManyConnections:
      return problem("server-busy", `${url} takes no connection now: ${because}.`, "Try again in a moment.");
    default:
      return problem("login-refused", `${url} refused the connection: ${because}.`, "See the server's log.");
  }
}
