import type { QualifiedName } from "../copy/index.js";

/** A relation's name with its schema, as people read it and as the config writes it; not for SQL. */
export function titleOf({ schema, name }: QualifiedName): string {
  return `${schema}.${name}`;
}
