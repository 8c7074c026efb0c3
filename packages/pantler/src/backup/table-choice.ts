import type { QualifiedName } from "../copy/index.js";
import { InputError } from "../operation/index.js";

/**
 * Finds the tables that a user named.
 * @param wanted each `name`, for a table of schema public, or `schema.name`
 * @param present all there are
 * @param where what has them, for the error
 * @throws InputError `table-unknown` naming all that are missing
 */
export function chooseTables<Table extends QualifiedName>(
  wanted: readonly string[],
  present: readonly Table[],
  where: string,
): Table[] {
  const missing: string[] = [];
  const chosen = wanted.flatMap((words) => {
    const found = present.find(
      ({ schema, name }) => `${schema}.${name}` === words || (schema === "public" && name === words),
    );
    if (!found) missing.push(words);
    return found ?? [];
  });
  if (missing.length === 0) return [...new Set(chosen)];
  throw new InputError({
    code: "table-unknown",
    message: `${where} has no table ${missing.join(", ")}.`,
    state: "Nothing was done.",
    remedy:
      "Name tables as they are written in the database, with their schema unless it is public: sales.orders",
  });
}
