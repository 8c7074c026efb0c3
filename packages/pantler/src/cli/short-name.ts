import { printable } from "./columns.js";

/** A table as people call it: without its schema where that is public. */
export function shortName({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return printable(schema === "public" ? name : `${schema}.${name}`);
}
