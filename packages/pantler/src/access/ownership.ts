import type { QualifiedName } from "../copy/index.js";
import { InputError } from "../operation/index.js";
import { type Client, quoteIdentifier, quoteQualified } from "../postgres/index.js";
import type { Project } from "../project/index.js";
import { readSchemas } from "../schema/index.js";
import { type Reference, type ReferenceFacts, readReferences } from "./read-references.js";
import { titleOf } from "./title-of.js";

/** A column that names a user. */
export interface OwnerColumn {
  readonly table: QualifiedName;
  readonly column: string;
  readonly notNull: boolean;
  /** The table that stands for users, where the column refers to that. */
  readonly through: Profile | undefined;
  /** False where only the config says that it names a user. */
  readonly isForeignKey: boolean;
  readonly onDelete: Reference["onDelete"] | undefined;
}

/** A table with at most one row for each user: a column of it refers to users and is unique. */
export interface Profile {
  readonly table: QualifiedName;
  /** The column that others refer to. */
  readonly key: string;
  /** The column with the user's id. */
  readonly user: string;
}

/** So many foreign keys are followed to a table whose rows have owners. */
const farthest = 3;

const users = "auth.users";

/** Tells whose the rows of a database are. */
export class Ownership {
  /** Every column that names a user, those of partitions left out. */
  readonly columns: readonly OwnerColumn[];
  readonly profiles: readonly Profile[];
  readonly #facts: ReferenceFacts;
  readonly #declared: ReadonlyMap<string, readonly string[]>;
  readonly #all: readonly OwnerColumn[];

  constructor(facts: ReferenceFacts, declared: ReadonlyMap<string, readonly string[]>) {
    this.#facts = facts;
    this.#declared = declared;
    this.profiles = profilesIn(facts);
    const byKey = facts.references.flatMap((reference) => this.#byReference(reference) ?? []);
    const byConfig = [...declared].flatMap(([title, columns]) =>
      columns
        .filter((column) => !find(facts.references, title, column))
        .map((column) => byName(title, column)),
    );
    this.#all = [...byKey.map(({ owner }) => owner), ...byConfig];
    this.columns = [...byKey.flatMap(({ owner, ofPartition }) => (ofPartition ? [] : [owner])), ...byConfig];
  }

  /**
   * The columns that decide whose a row of a table or view is: those of the config; else those that name users and that
   * the table's policies read; else all that name users, unless the policies read a way to a table with owners.
   */
  decidingColumns(table: QualifiedName): readonly OwnerColumn[] {
    const title = titleOf(table);
    const own = this.#all.filter((column) => titleOf(column.table) === title);
    const declared = this.#declared.get(title);
    if (declared) return own.filter(({ column }) => declared.includes(column));
    const read = own.filter(({ column }) => this.#isInPolicies(table, column));
    if (read.length > 0) return read;
    if (own.length > 0) return this.#parents(table).some(({ inPolicies }) => inPolicies) ? [] : own;
    return this.#ofView(table);
  }

  /**
   * SQL for the ids of the users whose row it is, as `text[]`; empty where it is nobody's. Where no column of the table
   * names one, the owners of what it refers to are meant, and of what that refers to.
   * @param alias what the query calls the table
   * @returns undefined where nothing tells
   */
  ownersOf(table: QualifiedName, alias: string): string | undefined {
    return this.#ownersOf(table, alias, 0);
  }

  #ownersOf(table: QualifiedName, alias: string, depth: number): string | undefined {
    const columns = this.decidingColumns(table).map((column) => userOf(column, alias, depth));
    const ways = this.#ways(table, columns.length > 0).flatMap((way) => {
      if (depth >= farthest) return [];
      const parent = `o${depth + 1}`;
      const owners = this.#ownersOf(way.to, parent, depth + 1);
      return owners === undefined ? [] : [ownersThrough(way, alias, parent, owners)];
    });
    const direct = columns.length > 0 ? [`array_remove(array[${columns.join(", ")}], null)`] : [];
    // One way is enough where no policy says which counts.
    const parts = [
      ...direct,
      ...(columns.length > 0 || this.#declared.has(titleOf(table)) ? ways : ways.slice(0, 1)),
    ];
    return parts.length === 0 ? undefined : parts.map((part) => `(${part})`).join(" || ");
  }

  /** The foreign keys that lead to the owners: those the config names, or, without an owner column, the likeliest first. */
  #ways(table: QualifiedName, hasColumns: boolean): readonly Reference[] {
    const declared = this.#declared.get(titleOf(table));
    const parents = this.#parents(table);
    if (declared) return parents.filter(({ way }) => declared.includes(way.column)).map(({ way }) => way);
    if (hasColumns) return [];
    const rank = ({ way, inPolicies }: { way: Reference; inPolicies: boolean }) =>
      (inPolicies ? 2 : 0) + (way.notNull ? 1 : 0);
    return parents.sort((left, right) => rank(right) - rank(left)).map(({ way }) => way);
  }

  /** The foreign keys to tables that do not stand for users, and whether the table's policies read them. */
  #parents(table: QualifiedName): { readonly way: Reference; readonly inPolicies: boolean }[] {
    const title = titleOf(table);
    return this.#facts.references
      .filter((way) => titleOf(way.table) === title && titleOf(way.to) !== title && !this.#byReference(way))
      .map((way) => ({ way, inPolicies: this.#isInPolicies(table, way.column) }));
  }

  #isInPolicies(table: QualifiedName, column: string): boolean {
    const title = titleOf(table);
    return this.#facts.inPolicies.some((read) => read.column === column && titleOf(read.table) === title);
  }

  /** A view's columns that show a deciding column of a table that it reads. */
  #ofView(view: QualifiedName): readonly OwnerColumn[] {
    const title = titleOf(view);
    const found = new Map<string, OwnerColumn>();
    for (const shown of this.#facts.ofViews) {
      if (titleOf(shown.view) !== title || titleOf(shown.table) === title) continue;
      const deciding = this.decidingColumns(shown.table).find(({ column }) => column === shown.column);
      if (deciding) found.set(shown.column, { ...deciding, table: view, notNull: false });
    }
    return [...found.values()];
  }

  #byReference(reference: Reference): { owner: OwnerColumn; ofPartition: boolean } | undefined {
    const { table, column, notNull, onDelete, ofPartition } = reference;
    const through = this.profiles.find(
      (profile) => titleOf(profile.table) === titleOf(reference.to) && profile.key === reference.toColumn,
    );
    if (!through && titleOf(reference.to) !== users) return undefined;
    return { owner: { table, column, notNull, through, isForeignKey: true, onDelete }, ofPartition };
  }
}

/**
 * Reads whose the rows of a database are.
 * @throws InputError `owner-unknown` when the config names a column that is not there
 */
export async function readOwnership(client: Client, { access }: Project): Promise<Ownership> {
  const { own } = await readSchemas(client);
  for (const [table, columns] of Object.entries(access.owners)) {
    const { rows } = await client.query<{ column: string }>(
      `select wanted as column from unnest($2::text[]) wanted
      where not exists (
        select from pg_attribute
        where attrelid = to_regclass($1) and attname = wanted and attnum > 0 and not attisdropped
      )`,
      [table, columns],
    );
    if (rows[0]) throw ownerUnknown(table, rows[0].column);
  }
  return new Ownership(await readReferences(client, own), new Map(Object.entries(access.owners)));
}

function profilesIn({ references, unique }: ReferenceFacts): Profile[] {
  const found: Profile[] = [];
  for (const { table, column: user, to } of references) {
    const title = titleOf(table);
    const isUnique = unique.some((each) => titleOf(each.table) === title && each.column === user);
    if (titleOf(to) !== users || !isUnique) continue;
    const keys = references.filter((each) => titleOf(each.to) === title).map(({ toColumn }) => toColumn);
    found.push(...[...new Set(keys)].map((key) => ({ table, key, user })));
  }
  return found;
}

/** SQL for the id of the user whom a column names. */
function userOf({ column, through }: OwnerColumn, alias: string, depth: number): string {
  const value = `${alias}.${quoteIdentifier(column)}`;
  if (!through || through.key === through.user) return `${value}::text`;
  const profile = `p${depth}`;
  const table = quoteQualified(through.table.schema, through.table.name);
  const user = `${profile}.${quoteIdentifier(through.user)}::text`;
  return `(select ${user} from ${table} ${profile} where ${profile}.${quoteIdentifier(through.key)} = ${value})`;
}

function ownersThrough(
  { to, toColumn, column }: Reference,
  alias: string,
  parent: string,
  owners: string,
): string {
  const table = quoteQualified(to.schema, to.name);
  const joined = `${parent}.${quoteIdentifier(toColumn)} = ${alias}.${quoteIdentifier(column)}`;
  return `coalesce((select ${owners} from ${table} ${parent} where ${joined}), '{}')`;
}

function byName(title: string, column: string): OwnerColumn {
  const [schema = "", name = ""] = title.split(".");
  const table = { schema, name };
  return { table, column, notNull: false, through: undefined, isForeignKey: false, onDelete: undefined };
}

function find(references: readonly Reference[], title: string, column: string): Reference | undefined {
  return references.find((reference) => titleOf(reference.table) === title && reference.column === column);
}

function ownerUnknown(table: string, column: string): InputError {
  return new InputError({
    code: "owner-unknown",
    message: `The config says that ${column} of ${table} tells whose a row is, and there is no such column.`,
    state: "Nothing was done.",
    remedy: "Mend access.owners in the config.",
  });
}
