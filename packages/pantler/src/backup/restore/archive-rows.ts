import type { ArchivedTable } from "../archive/manifest.js";
import { lostViews, makeMissing } from "./missing-tables.js";
import { digestOf, type Whole } from "./restore-whole.js";
import type { RowSource } from "./row-source.js";

/** The rows of an archive. */
export function rowsOfArchive(whole: Whole): RowSource<ArchivedTable> {
  const { reader, tables, sequences } = whole;
  return {
    name: "the backup",
    tables,
    known: reader.manifest.tables,
    sequences,
    views: reader.manifest.views,
    rows: (table) => reader.rows(table),
    digestOf,
    makeMissing: async (client) => {
      const made = await makeMissing(client, whole);
      return {
        tables: made.tables,
        finish: async () => {
          await made.finish();
          return await lostViews(client, whole, made);
        },
      };
    },
  };
}
