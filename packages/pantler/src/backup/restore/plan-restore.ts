import { InputError } from "../../operation/index.js";
import type { Keys } from "../archive/archive-reader.js";
import type { ArchivedTable, Manifest } from "../archive/manifest.js";
import { chooseTables } from "../table-choice.js";
import { loadingOrder } from "./load-rows.js";
import type { MergeMode } from "./merge-rows.js";

export interface RestoreRequest {
  /** Only the rows of these tables, each as `name`, for one of schema public, or `schema.name`. */
  readonly tables?: readonly string[] | undefined;
  /** Brings back rows by their primary key: missing ones, and with `update` those that differ. */
  readonly merge?: MergeMode | undefined;
  readonly schemaOnly?: boolean | undefined;
  readonly dataOnly?: boolean | undefined;
  readonly keys: Keys;
  /** For a protected environment that holds something: its name, typed by somebody who means it. */
  readonly confirmation?: string | undefined;
}

/** How a restore goes about it. */
export type RestoreWay = "everything" | "schema" | "rows";

/**
 * What a restore is to do, put together from the request and the kind of the backup.
 * @throws InputError `table-unknown`, `table-ambiguous`, `backup-without-rows`
 */
export function planRestore(
  { id, kind, tables }: Manifest,
  request: RestoreRequest,
): { readonly way: RestoreWay; readonly tables: readonly ArchivedTable[]; readonly complete: boolean } {
  const chosen = request.tables ? chooseTables(request.tables, tables, "The backup") : tables;
  if (kind === "schema" && (request.dataOnly || request.merge)) throw withoutRows(id);
  const rowsOnly =
    request.dataOnly || request.tables || request.merge || kind === "data" || kind === "tables";
  const way = request.schemaOnly ? "schema" : rowsOnly ? "rows" : kind === "schema" ? "schema" : "everything";
  return {
    way,
    tables: loadingOrder(way === "schema" ? chosen.filter(isLedger) : chosen),
    complete: !request.tables && kind !== "tables" && kind !== "schema",
  };
}

function withoutRows(id: string): InputError {
  return new InputError({
    code: "backup-without-rows",
    message: `The backup ${id} holds a schema and no rows.`,
    state: "Nothing was done.",
    remedy: "Choose one that holds rows: pantler backup list",
  });
}

/** The ledger goes with a schema, so that it is known which migrations made it. */
function isLedger({ schema }: ArchivedTable): boolean {
  return schema === "supabase_migrations" || schema === "pantler";
}
