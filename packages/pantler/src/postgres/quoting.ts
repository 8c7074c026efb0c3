import pg from "pg";

/** Quotes a name for use in SQL; the only way in which a name may get into a statement. */
export function quoteIdentifier(name: string): string {
  return pg.escapeIdentifier(name);
}

/** Quotes a name together with its schema. */
export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** Quotes a text for use in SQL where no parameter can stand, as in the body of a function. */
export function quoteLiteral(text: string): string {
  return pg.escapeLiteral(text).trimStart();
}
