import { listTables, prepareSession, type QualifiedName, sqlName } from "../../copy/index.js";
import type { Target } from "../../engine/index.js";
import { type Client, refuseTransactionPooler, requireServer, withClient } from "../../postgres/index.js";
import { dumpedSchemas, fingerprintOf, readSchema } from "../../schema/index.js";
import type { Backup } from "../catalog.js";
import { authTables, isSame, markerTable } from "../contents.js";
import { isEmpty } from "./clear-project.js";
import { planRestore, type RestoreRequest, type RestoreWay } from "./plan-restore.js";
import { requireFit } from "./restore-check.js";

/** What a restore would change. */
export interface RestorePreview {
  readonly way: RestoreWay;
  /** Whether the database holds nothing yet. */
  readonly empty: boolean;
  readonly tables: readonly {
    readonly schema: string;
    readonly name: string;
    /** How many rows there are now; null where the table is not there. */
    readonly now: number | null;
    /** How many there will be; for a merge, how many the backup has. */
    readonly then: number;
  }[];
  /** Tables whose rows would be gone: the backup has none for them. */
  readonly dropped: readonly { readonly schema: string; readonly name: string; readonly rows: number }[];
  /** Whether the schema is now that of the backup. */
  readonly schemaEqual: boolean;
}

/**
 * Tells what a restore would change, and changes nothing.
 * @throws what would keep the restore itself from beginning: `server-older`, `extension-missing`, `table-unknown`
 */
export async function previewRestore(
  target: Target,
  { manifest }: Backup,
  request: Pick<RestoreRequest, "tables" | "merge" | "schemaOnly" | "dataOnly">,
): Promise<RestorePreview> {
  refuseTransactionPooler(target.url);
  const { way, tables } = planRestore(manifest, { ...request, keys: {} });
  return await withClient(target.url, async (client) => {
    await requireFit(client, target.url, await requireServer(client, target.url), manifest);
    await prepareSession(client);
    const present = (await listTables(client, await dumpedSchemas(client), authTables)).filter(
      (table) => !isSame(table, markerTable),
    );
    const isAuth = (table: QualifiedName) => authTables.some((each) => isSame(each, table));
    // Without their rows, users are not touched at all.
    const touched = manifest.tables.filter((table) => way !== "schema" || !isAuth(table));
    const wanted: readonly QualifiedName[] = way === "rows" ? tables : touched;
    const planned = [];
    for (const { schema, name } of wanted) {
      const there = present.some((table) => isSame(table, { schema, name }));
      const then = tables.find((table) => isSame(table, { schema, name }))?.rows ?? 0;
      planned.push({ schema, name, now: there ? await countRows(client, { schema, name }) : null, then });
    }
    const dropped = [];
    for (const table of way === "rows" ? [] : present) {
      if (manifest.tables.some((each) => isSame(each, table)) || isAuth(table)) continue;
      dropped.push({ schema: table.schema, name: table.name, rows: await countRows(client, table) });
    }
    return {
      way,
      empty: await isEmpty(client),
      tables: planned,
      dropped,
      schemaEqual: fingerprintOf(await readSchema(client)) === manifest.schema.fingerprint,
    };
  });
}

async function countRows(client: Client, table: QualifiedName): Promise<number> {
  const { rows } = await client.query<{ count: string }>(`select count(*) from only ${sqlName(table)}`);
  return Number(rows[0]?.count);
}
