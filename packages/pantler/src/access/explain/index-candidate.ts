import { type QualifiedName, sqlName } from "../../copy/index.js";
import { quoteIdentifier } from "../../postgres/index.js";

/** An index that might help a policy. */
export interface IndexCandidate {
  readonly table: QualifiedName;
  readonly columns: readonly string[];
  /** A condition on the rows that it holds, as SQL. */
  readonly where: string | undefined;
}

/** The longest name that an index can have, in bytes. */
const longestName = 63;

/** What a candidate's index is called. */
export function nameOf({ table, columns, where }: IndexCandidate): string {
  const name = `${table.name}_${columns.join("_")}${where === undefined ? "" : "_live"}_idx`;
  return Buffer.from(name).subarray(0, longestName).toString("utf8").replaceAll("\ufffd", "");
}

/** The statement that makes a candidate. */
export function statementOf(candidate: IndexCandidate): string {
  const { table, columns, where } = candidate;
  const condition = where === undefined ? "" : ` where ${where}`;
  return `create index ${quoteIdentifier(nameOf(candidate))} on ${sqlName(table)} (${columns.map(quoteIdentifier).join(", ")})${condition}`;
}
