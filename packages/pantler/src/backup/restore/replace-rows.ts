import { prepareSession } from "../../copy/index.js";
import type { Operation } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";
import { gatherStatistics } from "./gather-statistics.js";
import { inOneTransaction, type WorkName } from "./one-transaction.js";
import { restoreRows } from "./restore-rows.js";
import type { RowSource, SourceTable } from "./row-source.js";

export interface ReplaceRequest {
  /** What errors call the work. */
  readonly name: WorkName;
  /** The ids of the users whose rows the source has; other users stay. Without it they are replaced as a whole. */
  readonly users?: readonly string[] | undefined;
  /** Run in the transaction before anything is changed; what it throws undoes it. */
  readonly before?: (() => Promise<void>) | undefined;
  /** Run at the end of the transaction; what it throws undoes it. */
  readonly after?: (() => Promise<void>) | undefined;
}

/**
 * Makes the rows of tables those of a source, all of them or none: in one transaction, which is kept only when the rows
 * digest to what the source says. Sequences are set as they stand there, materialised views are filled anew.
 * @param client a session that does nothing else
 * @param signal interrupts the work
 * @throws InputError `columns-missing`
 * @throws UnchangedError when it came to nothing: `rows-differ`, `interrupted`, `lock-not-granted`, `foreign-key-broken`
 * @throws NeedsHandsError `commit-unknown` when the connection broke while the server was to keep it
 */
export async function replaceRows<Table extends SourceTable>(
  client: Client,
  url: DatabaseUrl,
  source: RowSource<Table>,
  { name, users, before, after }: ReplaceRequest,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<void> {
  await prepareSession(client);
  const work = async () => {
    await before?.();
    await restoreRows(client, source, { complete: true, users }, operation, signal);
    await after?.();
  };
  await inOneTransaction(client, url, signal, work, name);
  await gatherStatistics(client, source.tables, source.views, operation);
}
