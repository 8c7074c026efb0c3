import { type QualifiedName, sqlName } from "../../copy/index.js";
import { messageOf, type Operation } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import { isAuth } from "./restore-whole.js";
import type { SourceTable } from "./row-source.js";

/**
 * Has the server look at what was loaded, without which it plans queries as if it knew nothing of the rows until
 * autovacuum comes by, which for partitioned tables it never does
 * (https://www.postgresql.org/docs/17/routine-vacuuming.html#VACUUM-FOR-STATISTICS). What was loaded is kept whatever
 * becomes of this.
 * @param views materialised views that were filled
 */
export async function gatherStatistics(
  client: Client,
  tables: readonly SourceTable[],
  views: readonly QualifiedName[],
  operation: Operation,
): Promise<void> {
  const own = tables.filter((table) => !isAuth(table));
  const wholes = own.map((table) => table.partOf?.at(-1) ?? table);
  const names = [...new Set([...wholes, ...views].map(sqlName))];
  if (names.length === 0) return;
  await operation.step("gather statistics", async (step) => {
    try {
      await client.query(`analyze ${names.join(", ")}`);
      step.note(`${names.length} tables and views`);
    } catch (error) {
      step.skip(messageOf(error));
      operation.finding("warning", "statistics are not complete: run analyze before many use the database");
    }
  });
}
