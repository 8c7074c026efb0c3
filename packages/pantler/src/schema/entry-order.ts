import type { AddedEntries } from "./added-entries.js";
import type { DumpEntry } from "./dump-entry.js";
import { resettingRights } from "./reset-rights.js";

/** What may call a function as soon as it is made. */
const callers = new Set([
  ...["AGGREGATE", "FOREIGN TABLE", "FUNCTION", "MATERIALIZED VIEW", "PROCEDURE", "TABLE", "VIEW"],
]);

/**
 * Puts entries into an order in which they can be made, pg_dump's own but for two things: what it does not have stands
 * where it is needed, and rights on schemas stand right after the schemas, since who is given an object in one may have
 * to have the right to create there.
 * @param entries as pg_dump prints them
 */
export function inOrder(entries: readonly DumpEntry[], added: AddedEntries): DumpEntry[] {
  const pre = entries.filter(({ section }) => section === "pre");
  const isSchema = ({ type }: DumpEntry) => type === "SCHEMA";
  const isRight = ({ type }: DumpEntry) => type === "ACL";
  const isSchemaRight = ({ type, name }: DumpEntry) => type === "ACL" && name.startsWith("SCHEMA ");
  const made = pre.filter((entry) => !isSchema(entry) && !isRight(entry));
  const calling = made.findIndex(({ type }) => callers.has(type));
  const first = calling < 0 ? made.length : calling;
  return [
    resettingRights(),
    ...pre.filter(isSchema),
    ...pre.filter(isSchemaRight),
    ...made.slice(0, first),
    ...added.beforeTables,
    ...made.slice(first),
    ...added.afterTables,
    ...pre.filter((entry) => isRight(entry) && !isSchemaRight(entry)),
    ...entries.filter(({ section }) => section === "post"),
    ...added.afterRows,
  ];
}
