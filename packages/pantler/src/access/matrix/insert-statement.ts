import { randomUUID } from "node:crypto";
import { sqlName } from "../../copy/index.js";
import { quoteIdentifier, quoteLiteral } from "../../postgres/index.js";
import { classOf } from "./census.js";
import type { ColumnFacts } from "./facts.js";
import type { RowClass } from "./matrix.js";
import type { Pair } from "./pair.js";

/** The values of a row as text, in the order of the relation's columns. */
export type Row = readonly (string | null)[];

/**
 * Puts a row in, with the columns that the identity may give.
 * @param isLeft which columns are left to their defaults
 */
export function insertStatement(
  { relation, rights }: Pair,
  values: Row,
  isLeft: (column: ColumnFacts) => boolean,
): string {
  const given = relation.columns.flatMap((column, at) => {
    const isGiven = rights.granted.insert.includes(column.name) && column.isUpdatable && !column.isGenerated;
    return isGiven ? [{ column, value: values[at] ?? null }] : [];
  });
  const places = given.map(({ column, value }) => {
    if (isLeft(column)) return "default";
    // As literals, a value that is none for its type is refused before anything runs, and not as if on the way.
    return value === null ? "null" : quoteLiteral(value);
  });
  const names = given.map(({ column }) => quoteIdentifier(column.name));
  // Of a view's column nothing tells whether it is such a one of the table.
  const mayBeIdentity = relation.kind === "view" || given.some(({ column }) => column.isAlwaysIdentity);
  const overriding = mayBeIdentity ? " overriding system value" : "";
  return `insert into ${sqlName(relation)} (${names.join(", ")})${overriding} values (${places.join(", ")})`;
}

/**
 * Tells whether a row that was let in is still whose it was meant to be: a trigger may put another owner in. A row like
 * it, with keys of its own, is put in for that and looked at as the session's own role; it is taken back.
 * @returns true where that could not be told: what looks allowed is then taken for allowed
 */
export async function keepsOwner(pair: Pair, rowClass: RowClass, values: Row): Promise<boolean> {
  const { session, relation, rights, identity, owners, ownerColumns, reach } = pair;
  const keys = relation.columns.filter(isFree);
  const isGiven = ownerColumns.every(({ column }) => rights.granted.insert.includes(column));
  const isIdle = (!relation.hasBeforeInsert && isGiven) || rowClass === "rows" || keys.length === 0;
  if (isIdle || reach.ofCompleting(relation.oid, "insert")) return true;
  const fresh = relation.columns.map((column, at) =>
    isFree(column) ? freshKey(column) : (values[at] ?? null),
  );
  const statement = insertStatement(pair, fresh, () => false);
  const attempt = await session.attempt(statement);
  if (attempt.refusal) {
    const { code, column } = attempt.refusal;
    return code !== "23502" || ownerColumns.every((owner) => owner.column !== column);
  }
  return await session.aside(async () => {
    await session.client.query(statement);
    await session.client.query("set local role none; set local row_security = off");
    const is = relation.columns.flatMap((column, at) =>
      isFree(column) ? [`${quoteIdentifier(column.name)}::text = ${quoteLiteral(fresh[at] ?? "")}`] : [],
    );
    const { rows } = await session.client.query<{ class: RowClass }>(
      `select ${classOf(owners)} as class from ${sqlName(relation)} where ${is.join(" and ")} and ($1::text is null or true)`,
      [identity.userId ?? null],
    );
    return rows[0] === undefined || rows[0].class === rowClass;
  });
}

/** Whether it belongs to a key and refers to nothing, so that it can be made up. */
function isFree({ isInKey, refers }: ColumnFacts): boolean {
  return isInKey && !refers;
}

/** A value that no other row is likely to have, and that fits into the common types of keys. */
function freshKey({ category, type }: ColumnFacts): string {
  if (type === "uuid") return randomUUID();
  return category === "N" ? String(2_000_000_000 + Math.floor(Math.random() * 100_000_000)) : randomUUID();
}
