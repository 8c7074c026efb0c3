import { EnvironmentError, messageOf, type Operation, PantlerError } from "../../operation/index.js";
import {
  environmentProblem,
  quoteIdentifier,
  refuseTransactionPooler,
  requireServer,
  sqlstateOf,
  withClient,
} from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";
import type { Backup } from "../catalog.js";
import { planRestore, type RestoreRequest } from "./plan-restore.js";
import type { RestorePreview } from "./preview.js";
import { requireFit } from "./restore-check.js";

/** The database that every server has, from which others are made. */
const maintenanceDatabase = "postgres";

/**
 * Whether there is a server at an address, and no such database on it.
 * @throws EnvironmentError when the server cannot be reached
 */
export async function isDatabaseMissing(url: DatabaseUrl): Promise<boolean> {
  refuseTransactionPooler(url);
  try {
    await withClient(url, async () => {});
    return false;
  } catch (error) {
    if (error instanceof PantlerError && error.code === "database-missing") return true;
    throw error;
  }
}

/**
 * Makes a database for some work. If the work fails, the database is dropped again.
 * @throws EnvironmentError `right-missing`, `database-not-made`, and what the work throws
 */
export async function withNewDatabase<Result>(
  url: DatabaseUrl,
  operation: Operation,
  work: () => Promise<Result>,
): Promise<Result> {
  const name = quoteIdentifier(url.database);
  await operation.step(
    `make the database ${url.database}`,
    async () => await command(url, `create database ${name}`),
  );
  try {
    return await work();
  } catch (error) {
    await operation
      .step(
        `drop the database ${url.database} again`,
        async () => await command(url, `drop database ${name} with (force)`),
      )
      .catch((second: unknown) => {
        operation.finding("warning", `${url} was made and could not be dropped again: ${String(second)}`);
      });
    throw error;
  }
}

/**
 * Tells what a restore would bring into a database that is not there yet, and makes nothing.
 * @throws what would keep the restore itself from beginning
 */
export async function previewNewDatabase(
  url: DatabaseUrl,
  { manifest }: Backup,
  request: Pick<RestoreRequest, "tables" | "merge" | "schemaOnly" | "dataOnly">,
): Promise<RestorePreview> {
  const { way, tables } = planRestore(manifest, { ...request, keys: {} });
  const server = url.with({ database: maintenanceDatabase });
  await withClient(server, async (client) => {
    await requireFit(client, server, await requireServer(client, server), manifest);
  });
  return {
    way,
    empty: true,
    tables: tables.map(({ schema, name, rows: then }) => ({ schema, name, now: null, then })),
    dropped: [],
    schemaEqual: false,
  };
}

async function command(url: DatabaseUrl, statement: string): Promise<void> {
  const server = url.with({ database: maintenanceDatabase });
  try {
    await withClient(server, (client) => client.query(statement));
  } catch (error) {
    if (error instanceof PantlerError) throw error;
    const sqlstate = sqlstateOf(error);
    throw (
      environmentProblem(server, error) ??
      new EnvironmentError({
        code: "database-not-made",
        message: `${statement.split(" ").slice(0, 2).join(" ")} ${url.database} failed: ${messageOf(error)}.`,
        state: "Nothing was restored.",
        remedy: "Make an empty database by other means, and name it with --to.",
        ...(sqlstate ? { sqlstate } : {}),
        cause: error,
      })
    );
  }
}
