import { type QualifiedName, sqlName } from "../copy/index.js";
import { InputError } from "../operation/index.js";
import { isSame } from "./contents.js";

/** A table with rows, as a database or an archive has it. */
interface Choosable extends QualifiedName {
  readonly partOf?: readonly QualifiedName[] | undefined;
  readonly entrance?: QualifiedName | undefined;
}

/**
 * Finds the tables that a user named. A partitioned table stands for all its partitions.
 * @param wanted each `name`, for a table of schema public, or `schema.name`, or `"schema"."name"`
 * @param present all there are
 * @param where what has them, for the error
 * @throws InputError `table-unknown` naming all that are missing, `table-ambiguous`
 */
export function chooseTables<Table extends Choosable>(
  wanted: readonly string[],
  present: readonly Table[],
  where: string,
): Table[] {
  const known = namesOf(present);
  const missing: string[] = [];
  const chosen = wanted.flatMap((words) => {
    const name = meant(words, known, where);
    if (!name) missing.push(words);
    return name ? present.filter((table) => isPart(table, name)) : [];
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

/** Adds the partitions that rows of the chosen ones may belong to in another database. */
export function withSiblings<Table extends Choosable>(
  chosen: readonly Table[],
  present: readonly Table[],
): Table[] {
  const entrances = chosen.flatMap(({ entrance }) => entrance ?? []);
  const added = present.filter((table) => entrances.some((entrance) => isPart(table, entrance)));
  return [...new Set([...chosen, ...added])];
}

/** Every table, and every partitioned one above, once. */
function namesOf(present: readonly Choosable[]): QualifiedName[] {
  const names = present.flatMap((table) => [table, ...(table.partOf ?? [])]);
  return [...new Map(names.map((name) => [sqlName(name), name])).values()];
}

function isPart(table: Choosable, name: QualifiedName): boolean {
  return isSame(table, name) || (table.partOf ?? []).some((whole) => isSame(whole, name));
}

function meant(words: string, known: readonly QualifiedName[], where: string): QualifiedName | undefined {
  const inQuotes = known.find((each) => sqlName(each) === words);
  if (inQuotes) return inQuotes;
  const [first, second] = known.filter(
    ({ schema, name }) => `${schema}.${name}` === words || (schema === "public" && name === words),
  );
  if (!first || !second) return first;
  throw new InputError({
    code: "table-ambiguous",
    message: `${where} has ${sqlName(first)} and ${sqlName(second)}, which ${words} may both mean.`,
    state: "Nothing was done.",
    remedy: `Name it in quotes: ${sqlName(first)}`,
  });
}
