import { type QualifiedName, sqlName } from "../copy/index.js";
import { type DumpEntry, lendRights } from "../schema/index.js";

/** Fills a materialised view: an entry of ours, by the name that pg_dump has for it in its own archives. */
export const fillsView = "MATERIALIZED VIEW DATA";

/**
 * What is done last, as pg_restore does it too: an owner may have taken rights from itself that restoring needs, a view
 * is filled with the rights of its owner, and an event trigger would see all of it.
 */
const last = ["ACL", "DEFAULT ACL", fillsView, "EVENT TRIGGER"];

/**
 * Puts the entries of a dump in the order of a restore.
 * @param views materialised views to fill, each after those it reads
 * @returns what has to be there before rows are, and what is made when they are
 */
export function arrangeEntries(
  entries: readonly DumpEntry[],
  views: readonly QualifiedName[],
): { readonly pre: readonly DumpEntry[]; readonly post: readonly DumpEntry[] } {
  const isBeforeRows = (entry: DumpEntry) => entry.section === "pre" && rankOf(entry) < 0;
  const { lending, returning } = lendRights(entries);
  const post = [...returning, ...entries.filter((entry) => !isBeforeRows(entry)), ...views.map(filling)];
  const pre = entries.filter(isBeforeRows);
  const afterSchemas = 1 + pre.findLastIndex(({ type }) => type === "SCHEMA" || type === "RESET ACL");
  return {
    pre: [...pre.slice(0, afterSchemas), ...lending, ...pre.slice(afterSchemas)],
    post: post
      .sort((left, right) => rankOf(left) - rankOf(right))
      .map((entry) => ({ ...entry, section: "post" })),
  };
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
