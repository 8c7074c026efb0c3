import type { RangeVar } from "libpg-query";
import { apiRoles, type Catalog, type Place, Relation, temporarySchema } from "./catalog.js";
import type { LintFile } from "./read-file.js";
import { type LintStatement, placeIn } from "./statement.js";

/** Schemas whose tables the API serves; Supabase's default. */
export const exposedSchemas: readonly string[] = ["public"];

/** What decides how a statement changes the catalog. */
export interface EffectContext {
  readonly catalog: Catalog;
  readonly file: LintFile;
  readonly statement: LintStatement;
  /** Whether a new table in an exposed schema is granted to everybody at once. */
  readonly exposesNewTables: boolean;
}

/** The place of a statement, or of something in it. */
export function placeOf({ file, statement }: EffectContext, location?: number): Place {
  const line =
    location === undefined ? statement.line : file.lineOf(statement.offset + placeIn(statement, location));
  return { file, statement, line };
}

/** A relation that a statement makes, with the grants that it gets at once. */
export function newRelation(
  context: EffectContext,
  name: RangeVar | undefined,
  kind: Relation["kind"],
): Relation {
  const { catalog, file, exposesNewTables } = context;
  const relation = new Relation({
    schema: name?.relpersistence === "t" ? temporarySchema : (name?.schemaname ?? catalog.schema),
    name: name?.relname ?? "",
    kind,
    created: file.linted ? placeOf(context) : undefined,
  });
  if (exposesNewTables && exposedSchemas.includes(relation.schema)) {
    for (const role of apiRoles) relation.exposedTo.add(role);
  }
  return relation;
}
