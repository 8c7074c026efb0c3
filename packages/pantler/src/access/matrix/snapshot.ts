import {
  type AccessMatrix,
  type CallVerdict,
  type Cell,
  type CommandAccess,
  type Level,
  type MeasuredRelation,
  type OwnershipChange,
  type RelationKind,
  type RowClass,
  rowClasses,
} from "./matrix.js";

/** Columns of a relation: all, all but some, or these. */
export type Columns = "all" | { readonly but: readonly string[] } | readonly string[];

/** What stays the same of a command as long as the rules do. */
export interface SnapshotCommand {
  /** The columns that were granted, where not all were. */
  readonly columns?: Columns | undefined;
  readonly rows: Readonly<Partial<Record<RowClass, Level>>>;
}

export interface SnapshotUpdate extends SnapshotCommand {
  /** The columns that can be changed, by whose the row is. */
  readonly changes?: Readonly<Partial<Record<RowClass, Columns>>> | undefined;
  readonly unclear?: Readonly<Partial<Record<RowClass, readonly string[]>>> | undefined;
  /** What can be done to whose a row is, by which columns. */
  readonly ownership: "keeps" | "undecided" | Readonly<Partial<Record<OwnershipChange, readonly string[]>>>;
}

export interface SnapshotCell {
  readonly select: SnapshotCommand;
  readonly insert: SnapshotCommand;
  readonly update: SnapshotUpdate;
  readonly delete: SnapshotCommand;
}

export interface SnapshotRelation {
  readonly kind: RelationKind;
  readonly columns: readonly string[];
  /** A fingerprint of the rules: where a cell is undecided, it tells at least whether they are still the same. */
  readonly rules: string;
  readonly access: Readonly<Record<string, SnapshotCell | "nothing">>;
}

export interface SnapshotFunction {
  /** A fingerprint of a function that runs as its owner. */
  readonly definition?: string | undefined;
  /** `not callable`, `not called`, or what it returns. */
  readonly access: Readonly<
    Record<string, "not callable" | "not called" | NonNullable<CallVerdict["returns"]>>
  >;
}

/** What was agreed on: the matrix without whatever changes with the rows. */
export interface AccessSnapshot {
  readonly format: 1;
  readonly identities: Readonly<Record<string, "measured" | "missing">>;
  readonly relations: Readonly<Record<string, SnapshotRelation>>;
  readonly functions: Readonly<Record<string, SnapshotFunction>>;
}

/** Takes out of a matrix what stays the same as long as the rules do. */
export function snapshotOf(matrix: AccessMatrix): AccessSnapshot {
  return {
    format: 1,
    identities: Object.fromEntries(
      matrix.identities.map(({ name, role }) => [name, role === undefined ? "missing" : "measured"]),
    ),
    relations: Object.fromEntries(
      matrix.relations.map((relation) => [`${relation.schema}.${relation.name}`, relationOf(relation)]),
    ),
    functions: Object.fromEntries(
      matrix.functions.map(({ name, definer, definition, calls }) => [
        name,
        {
          ...(definer ? { definition } : {}),
          access: Object.fromEntries(
            Object.entries(calls).map(([identity, { callable, returns }]) => [
              identity,
              callable ? (returns ?? "not called") : "not callable",
            ]),
          ),
        },
      ]),
    ),
  };
}

function relationOf({ kind, columns, rules, cells }: MeasuredRelation): SnapshotRelation {
  const access = Object.entries(cells).map(([name, cell]) => [name, cellOf(cell, columns)] as const);
  return { kind, columns, rules, access: Object.fromEntries(access) };
}

function cellOf(cell: Cell, all: readonly string[]): SnapshotCell | "nothing" {
  const found: SnapshotCell = {
    select: commandOf(cell.select, all),
    insert: commandOf(cell.insert, all),
    update: updateOf(cell, all),
    delete: { rows: rowsOf(cell.delete) },
  };
  const isNothing =
    cell.select.granted.length === 0 &&
    Object.values(found).every(({ rows }) => Object.values(rows).every((level) => level === "none"));
  return isNothing ? "nothing" : found;
}

function commandOf(access: CommandAccess, all: readonly string[]): SnapshotCommand {
  const columns = columnsOf(access.granted, all);
  return { ...(columns === "all" ? {} : { columns }), rows: rowsOf(access) };
}

function updateOf({ update }: Cell, all: readonly string[]): SnapshotUpdate {
  const classes = rowClasses.flatMap((each) => {
    const verdict = update.verdicts[each];
    return verdict === undefined ? [] : [[each, verdict] as const];
  });
  const changes = classes.flatMap(([each, { columns = [] }]) =>
    columns.length > 0 ? [[each, columnsOf(columns, all)] as const] : [],
  );
  const unclear = classes.flatMap(([each, verdict]) =>
    verdict.unclear && verdict.unclear.length > 0 ? [[each, verdict.unclear] as const] : [],
  );
  const isKept = Object.keys(update.ownership).length === 0;
  const isUnclear = isKept && update.ownershipUnclear !== undefined;
  return {
    ...commandOf(update, all),
    ...(changes.length > 0 ? { changes: Object.fromEntries(changes) } : {}),
    ...(unclear.length > 0 ? { unclear: Object.fromEntries(unclear) } : {}),
    ownership: isUnclear ? "undecided" : isKept ? "keeps" : update.ownership,
  };
}

function rowsOf({ verdicts }: CommandAccess): SnapshotCommand["rows"] {
  return Object.fromEntries(
    rowClasses.flatMap((each) => {
      const verdict = verdicts[each];
      return verdict === undefined ? [] : [[each, verdict.level] as const];
    }),
  );
}

function columnsOf(some: readonly string[], all: readonly string[]): Columns {
  if (some.length === all.length) return "all";
  const but = all.filter((name) => !some.includes(name));
  return but.length < some.length ? { but } : some;
}

/** The columns that are meant, by name. */
export function namesOf(columns: Columns | undefined, all: readonly string[]): readonly string[] {
  if (columns === undefined || columns === "all") return all;
  if ("but" in columns) return all.filter((name) => !columns.but.includes(name));
  return columns;
}

/** The part of a snapshot that concerns the relations of another one; without the other, all of it. */
export function onlyRelations(snapshot: AccessSnapshot, like: AccessSnapshot | undefined): AccessSnapshot {
  if (!like) return snapshot;
  const relations = Object.entries(snapshot.relations).filter(
    ([title]) => like.relations[title] !== undefined,
  );
  return { ...snapshot, relations: Object.fromEntries(relations), functions: like.functions };
}
