import type { QualifiedName } from "../../copy/index.js";

/** Whose a row is in the eyes of an identity. Where a table knows no owners, all are just `rows`. */
export type RowClass = "own" | "others" | "nobodys" | "rows";

/** The order in which they are told. */
export const rowClasses: readonly RowClass[] = ["own", "others", "nobodys", "rows"];

/**
 * How much of a class is allowed. `no rows` is a way of not knowing: there was none to try it on.
 */
export type Level = "all" | "some" | "none" | "no rows" | "undecided";

export type Command = "select" | "insert" | "update" | "delete";

export const commands: readonly Command[] = ["select", "insert", "update", "delete"];

/** What was found for the rows of one class. */
export interface Verdict {
  readonly level: Level;
  /** Why it could not be decided, or why it is as it is, where that is known. */
  readonly why?: string | undefined;
  /** So many rows were seen, or could be changed. */
  readonly allowed?: number | undefined;
  /** Of so many. */
  readonly of?: number | undefined;
  /** The columns that can be changed; of updates alone. */
  readonly columns?: readonly string[] | undefined;
  /** The columns of which that could not be told. */
  readonly unclear?: readonly string[] | undefined;
}

/** What an identity can do to whose a row is: make its own another's, make another's its own, or take nobody's. */
export type OwnershipChange = "gives away" | "steals" | "claims";

/** What an identity may do with a relation by one command. */
export interface CommandAccess {
  /** The columns it was granted. */
  readonly granted: readonly string[];
  readonly verdicts: Readonly<Partial<Record<RowClass, Verdict>>>;
}

export interface UpdateAccess extends CommandAccess {
  /** What it can do to whose a row is, and by which columns. */
  readonly ownership: Readonly<Partial<Record<OwnershipChange, readonly string[]>>>;
  /** Why that could not be told, where it could not. */
  readonly ownershipUnclear: string | undefined;
}

/** A cell of the matrix: one identity, one relation. */
export interface Cell {
  readonly select: CommandAccess;
  readonly insert: CommandAccess;
  readonly update: UpdateAccess;
  readonly delete: CommandAccess;
  /** What else there is to know, in sentences. */
  readonly notes: readonly string[];
}

export type RelationKind =
  | "table"
  | "partitioned table"
  | "partition"
  | "view"
  | "materialised view"
  | "foreign table";

export interface MeasuredRelation extends QualifiedName {
  readonly kind: RelationKind;
  readonly columns: readonly string[];
  /** A fingerprint of what decides: row security, policies, the view's query. */
  readonly rules: string;
  /** By the identity's name. */
  readonly cells: Readonly<Record<string, Cell>>;
}

/** What came of calling a function. */
export interface CallVerdict {
  readonly callable: boolean;
  /** `rows`, `no rows`, `a value`, `nothing`, or `refused`; undefined where it was not called. */
  readonly returns: "rows" | "no rows" | "a value" | "nothing" | "refused" | undefined;
  readonly rows?: number | undefined;
  /** Why it was not called, or what it was refused with. */
  readonly why?: string | undefined;
}

export interface MeasuredFunction {
  /** With its schema and the types of its arguments. */
  readonly name: string;
  /** Whether it runs with its owner's rights. */
  readonly definer: boolean;
  /** A fingerprint of its definition. */
  readonly definition: string;
  readonly calls: Readonly<Record<string, CallVerdict>>;
}

export interface MatrixIdentity {
  readonly name: string;
  readonly email: string | undefined;
  /** What its requests are served as; undefined for a user that is not there. */
  readonly role: string | undefined;
  /** What to do so that it can be measured. */
  readonly remedy: string | undefined;
}

/** Who can see and change what, as it was found by doing it. */
export interface AccessMatrix {
  readonly identities: readonly MatrixIdentity[];
  readonly relations: readonly MeasuredRelation[];
  readonly functions: readonly MeasuredFunction[];
  /** What could not be known, in sentences. */
  readonly notes: readonly string[];
}

export interface MatrixRequest {
  /** Only these, by their names with or without schema. */
  readonly relations?: readonly string[] | undefined;
  /** Only these, by their names. */
  readonly identities?: readonly string[] | undefined;
}
