import type { Node, RangeVar } from "libpg-query";
import { namesIn } from "../../schema/index.js";
import type { ColumnType } from "./column-type.js";
import type { LintFile } from "./read-file.js";
import type { LintStatement } from "./statement.js";

/** Where in the files something is made. */
export interface Place {
  readonly file: LintFile;
  readonly statement: LintStatement;
  readonly line: number;
}

export interface Column {
  readonly name: string;
  /** Undefined where the text does not tell. */
  type: ColumnType | undefined;
  notNull: boolean;
  /** What the environment calls it; undefined for a column that the files add. */
  readonly live: string | undefined;
}

export interface Index {
  readonly name: string | undefined;
  /** Its columns in order, undefined for an expression. */
  columns: readonly (string | undefined)[];
  readonly unique: boolean;
  /** Whether rows with values are left out; one that leaves out nulls alone is as good as whole. */
  readonly partial: boolean;
  readonly at: Place | undefined;
}

export interface ForeignKey {
  columns: readonly string[];
  readonly at: Place | undefined;
}

/** A table as the environment has it now. */
export interface LiveTable {
  readonly schema: string;
  readonly name: string;
  /** The planner's estimate; -1 where it has none. */
  readonly estimate: number;
  /** The columns of its primary key, as the environment calls them. */
  readonly key: readonly string[];
}

/** The roles that stand for whoever calls the API. */
export const apiRoles = ["anon", "authenticated"] as const;
export type ApiRole = (typeof apiRoles)[number];

/** A table or a view, as it is after the statements that were read so far. */
export class Relation {
  schema: string;
  name: string;
  readonly kind: "table" | "view" | "materialized view";
  /** The statement that makes it; undefined where it was there before the files that are judged. */
  readonly created: Place | undefined;
  readonly live: LiveTable | undefined;
  /** Whether all its columns are known. */
  complete = true;
  readonly columns = new Map<string, Column>();
  readonly indexes: Index[] = [];
  readonly foreignKeys: ForeignKey[] = [];
  readonly policies = new Set<string>();
  rowSecurity = false;
  /** Where row security was switched off. */
  disabledAt: Place | undefined;
  /** Who can reach it through the API as far as grants go. */
  readonly exposedTo = new Set<ApiRole>();
  /** Whether the files change rows of it. */
  written = false;
  partition = false;
  /** Of a view: whether it reads as its reader, and what it reads. */
  invoker = false;
  reads: readonly Relation[] = [];

  constructor(parts: {
    schema: string;
    name: string;
    kind: Relation["kind"];
    created?: Place | undefined;
    live?: LiveTable | undefined;
  }) {
    this.schema = parts.schema;
    this.name = parts.name;
    this.kind = parts.kind;
    this.created = parts.created;
    this.live = parts.live;
  }

  get title(): string {
    return `${this.schema}.${this.name}`;
  }
}

export interface EnumType {
  readonly created: LintFile | undefined;
  /** Values that a file adds, with the place. */
  readonly added: Map<string, Place>;
}

/** Where temporary tables are kept: looked at first, as on a server, and served by no API. */
export const temporarySchema = "pg_temp";

/** What the statements read so far have made of a database, as far as the rules ask. */
export class Catalog {
  readonly #relations = new Map<string, Relation>();
  readonly enums = new Map<string, EnumType>();
  /** Where a name without a schema is looked for and made. */
  schema = "public";
  /** Whether something ran that may have changed any row. */
  opaque = false;

  get relations(): Relation[] {
    return [...this.#relations.values()];
  }

  find(name: RangeVar | undefined): Relation | undefined {
    return this.named(name?.schemaname, name?.relname);
  }

  named(schema: string | undefined, name: string | undefined): Relation | undefined {
    const inSession =
      schema === undefined ? this.#relations.get(keyOf(temporarySchema, name ?? "")) : undefined;
    return inSession ?? this.#relations.get(keyOf(schema ?? this.schema, name ?? ""));
  }

  /** Finds what a list of names means: a relation's own, after its schema's. */
  listed(names: readonly string[]): Relation | undefined {
    return this.named(names.at(-2), names.at(-1));
  }

  add(relation: Relation): void {
    this.#relations.set(keyOf(relation.schema, relation.name), relation);
  }

  remove(relation: Relation): void {
    this.#relations.delete(keyOf(relation.schema, relation.name));
  }

  rename(relation: Relation, to: { readonly schema?: string; readonly name?: string }): void {
    this.remove(relation);
    relation.schema = to.schema ?? relation.schema;
    relation.name = to.name ?? relation.name;
    this.add(relation);
  }

  /** The key under which an enum is kept. */
  enumKey(typeName: readonly Node[] | undefined): string {
    const names = namesIn(typeName);
    return keyOf(names.at(-2) ?? this.schema, names.at(-1) ?? "");
  }
}

function keyOf(schema: string, name: string): string {
  return JSON.stringify([schema, name]);
}
