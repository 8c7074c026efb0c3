import type { Node } from "libpg-query";
import type { QualifiedName } from "../../copy/index.js";
import { InputError } from "../../operation/index.js";
import type { Catalog, ColumnFacts, ForeignKey, TableFacts, TypeFacts } from "./catalog.js";
import type { ColumnValue, TableSeed } from "./definition.js";
import { evaluate, parseExpression, unknown } from "./expression.js";
import { type Hints, hintsOf } from "./hints.js";

/** A unique key whose expressions are parsed. */
export interface KeyPlan {
  readonly name: string;
  readonly expressions: readonly (Node | undefined)[];
  readonly predicate: Node | undefined;
  readonly hasPredicate: boolean;
  readonly nullsDistinct: boolean;
  /** The columns, where it is made of nothing else. */
  readonly columns: readonly string[] | undefined;
}

/** How a column that nothing is declared for gets its value. */
export interface AutomaticColumn {
  readonly facts: ColumnFacts;
  readonly type: TypeFacts;
  readonly hints: Hints;
  /** What the default is, where it is a constant; undefined for any other. */
  readonly constant: unknown;
  readonly isUnique: boolean;
}

/** A table, with everything that can be found out before its rows are made. */
export interface TablePlan {
  /** As the definition writes it. */
  readonly name: string;
  readonly facts: TableFacts;
  readonly seed: TableSeed;
  readonly sequences: readonly ColumnFacts[];
  readonly automatic: readonly AutomaticColumn[];
  readonly declared: readonly (readonly [string, ColumnValue])[];
  readonly generated: readonly { readonly name: string; readonly expression: Node | undefined }[];
  readonly checks: readonly { readonly name: string; readonly node: Node | undefined }[];
  /** Columns that a check says are equal to something else. */
  readonly derived: readonly { readonly column: string; readonly expression: Node }[];
  readonly keys: readonly KeyPlan[];
  /** Foreign keys that nothing is declared for, save for the owner's. */
  readonly foreignKeys: readonly ForeignKey[];
  readonly ownerKey: ForeignKey | undefined;
  /** Columns that rows are written with, in their order; the others get their defaults. */
  readonly written: readonly ColumnFacts[];
}

/** Of types that rarely mean anything when they are made up, the default is taken where there is one. */
const leftToDefaults = /^(?:_|jsonb?$|bytea$|tsvector$|tsquery$|xml$|hstore$|geometry$|geography$|vector$)/;

/**
 * Prepares the making of a table's rows.
 * @throws InputError `seed-column-missing`, `seed-owner-unclear`, `seed-value-unknown`
 */
export function planTable(name: string, seed: TableSeed, catalog: Catalog): TablePlan {
  const facts = catalog.tables.get(name);
  if (!facts) throw new Error(`the catalog lacks ${name}`);
  const columns = new Map(facts.columns.map((column) => [column.name, column]));
  const listed = Array.isArray(seed.rows)
    ? new Set(seed.rows.flatMap((row) => Object.keys(row as object)))
    : new Set<string>();
  requireColumns(name, [...Object.keys(seed.columns ?? {}), ...(seed.key ?? []), ...listed], columns);
  const ownerKey = ownerKeyOf(name, seed, facts);
  const declared = Object.entries(seed.columns ?? {});
  const spoken = new Set([...declared.map(([column]) => column), ...listed, ...(ownerKey?.columns ?? [])]);
  const foreignKeys = facts.foreignKeys.filter(
    (key) => key !== ownerKey && key.columns.some((column) => !spoken.has(column)),
  );
  const inForeignKeys = new Set(foreignKeys.flatMap((key) => key.columns));
  const checks = facts.checks.map((check) => ({ name: check.name, node: parseExpression(check.expression) }));
  const hints = hintsOf(checks.map(({ node }) => node));
  const keys = facts.uniqueKeys.map((key) => planKey(key, columns));
  const unique = new Set(
    keys.flatMap((key) => (key.columns?.length === 1 || key.expressions.length === 1 ? columnsOf(key) : [])),
  );
  const generated = facts.columns
    .filter((column) => column.generated)
    .map((column) => ({ name: column.name, expression: parseExpression(column.default ?? "null") }));
  const sequences = facts.columns.filter(
    (column) => column.sequence !== null && !spoken.has(column.name) && !inForeignKeys.has(column.name),
  );
  const drawn = new Set(sequences.map((column) => column.name));
  const automatic = facts.columns.flatMap((column) => {
    if (
      column.generated ||
      spoken.has(column.name) ||
      inForeignKeys.has(column.name) ||
      drawn.has(column.name)
    )
      return [];
    const type = catalog.types.get(column.type);
    if (!type) throw new Error(`the type of ${name}.${column.name} was not read`);
    if (column.default !== null && leftToDefaults.test(type.name) && !hints.has(column.name)) return [];
    const constant = column.default === null ? unknown : evaluate(parseExpression(column.default), {});
    const isUnique = unique.has(column.name);
    const ownHints = hints.get(column.name) ?? {};
    return [
      {
        facts: column,
        type,
        hints: ownHints,
        constant: constant === unknown ? undefined : constant,
        isUnique,
      },
    ];
  });
  const left = new Set(
    facts.columns
      .filter(
        (column) =>
          !column.generated &&
          !spoken.has(column.name) &&
          !inForeignKeys.has(column.name) &&
          !drawn.has(column.name),
      )
      .map((column) => column.name),
  );
  for (const { facts: column } of automatic) left.delete(column.name);
  return {
    name,
    facts,
    seed,
    sequences,
    automatic,
    declared,
    generated,
    checks,
    keys,
    foreignKeys,
    ownerKey,
    derived: derivedOf(checks, new Set(automatic.map((column) => column.facts.name))),
    written: facts.columns.filter((column) => !column.generated && !left.has(column.name)),
  };
}

function requireColumns(
  table: string,
  names: readonly string[],
  columns: ReadonlyMap<string, ColumnFacts>,
): void {
  const missing = names.filter((column) => !columns.has(column));
  if (missing.length === 0) return;
  throw new InputError({
    code: "seed-column-missing",
    message: `The seed definition names columns that ${table} does not have: ${missing.join(", ")}.`,
    state: "Nothing was done.",
    remedy: "Apply the migrations that make them, or mend the names.",
  });
}

function ownerKeyOf(table: string, seed: TableSeed, facts: TableFacts): ForeignKey | undefined {
  if (seed.owner === undefined) return undefined;
  const key = facts.foreignKeys.find(({ columns }) => columns.length === 1 && columns[0] === seed.owner);
  if (key) return key;
  throw new InputError({
    code: "seed-owner-unclear",
    message: `${table}.${seed.owner} is no foreign key, so it cannot say whose a row is.`,
    state: "Nothing was done.",
    remedy: "Name the column that refers to auth.users, or to a table with an owner.",
  });
}

function planKey(key: TableFacts["uniqueKeys"][number], known: ReadonlyMap<string, ColumnFacts>): KeyPlan {
  const expressions = key.expressions.map(parseExpression);
  const plan = {
    name: key.name,
    expressions,
    predicate: key.predicate === null ? undefined : parseExpression(key.predicate),
    hasPredicate: key.predicate !== null,
    nullsDistinct: key.nullsDistinct,
  };
  const columns = expressions.map(columnOf);
  const plain = columns.filter((column): column is string => column !== undefined && known.has(column));
  return { ...plan, columns: plain.length === columns.length ? plain : undefined };
}

function columnOf(node: Node | undefined): string | undefined {
  const reference = node && "ColumnRef" in node ? node.ColumnRef : undefined;
  const [field] = reference?.fields ?? [];
  return field && "String" in field ? field.String.sval : undefined;
}

/** The columns that a key's expressions are about. */
function columnsOf({ expressions }: Pick<KeyPlan, "expressions">): string[] {
  return [
    ...JSON.stringify(expressions).matchAll(
      /"ColumnRef":\{"fields":\[\{"String":\{"sval":("(?:[^"\\]|\\.)*")/g,
    ),
  ].map(([, name]) => JSON.parse(name ?? '""') as string);
}

/** Whether an expression speaks of a column. */
export function speaksOf(node: Node | undefined, column: string): boolean {
  return JSON.stringify(node ?? {}).includes(`{"String":{"sval":${JSON.stringify(column)}`);
}

function derivedOf(checks: TablePlan["checks"], automatic: ReadonlySet<string>): TablePlan["derived"] {
  const taken = new Set<string>();
  return checks.flatMap(({ node }) => {
    const comparison = node && "A_Expr" in node ? node.A_Expr : undefined;
    const [operator] = comparison?.name ?? [];
    if (
      comparison?.kind !== "AEXPR_OP" ||
      !operator ||
      !("String" in operator) ||
      operator.String.sval !== "="
    )
      return [];
    for (const [side, other] of [
      [comparison.lexpr, comparison.rexpr],
      [comparison.rexpr, comparison.lexpr],
    ]) {
      const column = columnOf(side);
      if (column === undefined || !other || !automatic.has(column) || taken.has(column)) continue;
      if (speaksOf(other, column) || columnsOf({ expressions: [other] }).length === 0) continue;
      taken.add(column);
      return [{ column, expression: other }];
    }
    return [];
  });
}

/** Whether two names are the same table's. */
export function isSameTable(left: QualifiedName, right: QualifiedName): boolean {
  return left.schema === right.schema && left.name === right.name;
}
