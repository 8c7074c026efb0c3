import { type QualifiedName, sqlName, type Table } from "../../copy/index.js";
import { quoteIdentifier } from "../../postgres/index.js";
import { type DumpEntry, lendRights } from "../../schema/index.js";
import { isSame } from "../contents.js";

/** Fills a materialised view: an entry of ours, by the name that pg_dump has for it in its own archives. */
export const fillsView = "MATERIALIZED VIEW DATA";

/**
 * What is done last, as pg_restore does it too: an owner may have taken rights from itself that restoring needs, a view
 * is filled with the rights of its owner, and an event trigger would see all of it.
 */
const last = ["ACL", "DEFAULT ACL", fillsView, "EVENT TRIGGER"];

/** The text of a schema in the order of a restore. */
export interface Arranged {
  /** What has to be there before rows are. */
  readonly pre: readonly DumpEntry[];
  /** What is made when they are. */
  readonly post: readonly DumpEntry[];
  /** Foreign keys to tables whose rows are not in the archive, where it holds those of some tables only. */
  readonly broken: readonly DumpEntry[];
}

/**
 * Puts the entries of a dump in the order of a restore.
 * @param views materialised views to fill, each after those it reads
 * @param filled the tables whose rows are in the archive; undefined for all
 */
export function arrangeEntries(
  entries: readonly DumpEntry[],
  views: readonly QualifiedName[],
  filled?: readonly Pick<Table, "schema" | "name" | "partOf">[],
): Arranged {
  const isBeforeRows = (entry: DumpEntry) => entry.section === "pre" && rankOf(entry) < 0;
  const brokenOnes = filled === undefined ? new Set() : brokenEntries(entries, filled);
  const isBroken = (entry: DumpEntry) => brokenOnes.has(entry);
  const { lending, returning } = lendRights(entries);
  const post = [...returning, ...entries.filter((entry) => !isBeforeRows(entry)), ...views.map(filling)];
  const pre = entries.filter(isBeforeRows);
  const afterSchemas = 1 + pre.findLastIndex(({ type }) => type === "SCHEMA" || type === "RESET ACL");
  return {
    pre: [...pre.slice(0, afterSchemas), ...lending, ...pre.slice(afterSchemas)],
    post: post
      .filter((entry) => !isBroken(entry))
      .sort((left, right) => rankOf(left) - rankOf(right))
      .map((entry) => ({ ...entry, section: "post" })),
    broken: post.filter(isBroken),
  };
}

/** Foreign keys of tables with rows to tables without, and comments on them. */
function brokenEntries(
  entries: readonly DumpEntry[],
  filled: readonly Pick<Table, "schema" | "name" | "partOf">[],
): Set<DumpEntry> {
  const isFilled = (name: QualifiedName | undefined) =>
    filled.some((table) => [table, ...table.partOf].some((each) => name !== undefined && isSame(each, name)));
  const keys = entries.filter(
    ({ type, relation, references }) =>
      type === "FK CONSTRAINT" && isFilled(relation) && references !== undefined && !isFilled(references),
  );
  return new Set([...keys, ...commentsOn(keys, entries)]);
}

/** Finds the comments on what entries make, where they do not say of themselves which table they belong to. */
export function commentsOn(made: readonly DumpEntry[], entries: readonly DumpEntry[]): DumpEntry[] {
  const keyOf = (schema: string | undefined, name: string) => JSON.stringify([schema, name]);
  const named = new Set(made.flatMap((entry) => commentedAs(entry).map((name) => keyOf(entry.schema, name))));
  return entries.filter(
    (entry) =>
      entry.type === "COMMENT" && named.has(keyOf(entry.schema, entry.name)) && !made.includes(entry),
  );
}

/** The headers that a comment on what an entry makes may have: a name in them may be in quotes. */
function commentedAs(entry: DumpEntry): string[] {
  const { type, name, relation } = entry;
  const written = (each: string) => [each, quoteIdentifier(each)];
  if (type === "FK CONSTRAINT") {
    const tables = written(relation?.name ?? "");
    return written(constraintOf(entry)).flatMap((key) =>
      tables.map((table) => `CONSTRAINT ${key} ON ${table}`),
    );
  }
  // A key's index has the name of its constraint.
  if (type === "CONSTRAINT") return written(constraintOf(entry)).map((index) => `INDEX ${index}`);
  return written(name).map((each) => `${type} ${each}`);
}

/** The name of the constraint that an entry makes: it is called by the table and the constraint. */
export function constraintOf({ name, relation }: DumpEntry): string {
  return name.slice((relation?.name.length ?? 0) + 1);
}

/** Cuts the later part of a schema's text where the rights begin: until then its maker owns all there is. */
export function beforeRights(post: readonly DumpEntry[]): {
  readonly made: readonly DumpEntry[];
  readonly rights: readonly DumpEntry[];
} {
  const at = post.findIndex((entry) => rankOf(entry) >= 0);
  return at < 0 ? { made: post, rights: [] } : { made: post.slice(0, at), rights: post.slice(at) };
}

function rankOf({ type, name }: DumpEntry): number {
  const isComment = type === "COMMENT" && name.startsWith("EVENT TRIGGER ");
  return last.indexOf(isComment ? "EVENT TRIGGER" : type);
}

function filling(view: QualifiedName): DumpEntry {
  return {
    section: "post",
    type: fillsView,
    schema: view.schema,
    name: view.name,
    owner: "",
    relation: view,
    sql: `refresh materialized view ${sqlName(view)};`,
  };
}
