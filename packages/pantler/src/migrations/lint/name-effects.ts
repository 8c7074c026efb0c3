import type { DropStmt, RenameStmt } from "libpg-query";
import type { EffectContext } from "./effect-context.js";
import { listedNames } from "./walk-tree.js";

/** Gives a relation, a column or a policy another name. */
export function rename(statement: RenameStmt, { catalog }: EffectContext): void {
  const { renameType, relation: name, subname = "", newname = "" } = statement;
  const relation = catalog.find(name);
  if (!relation) return;
  if (renameType === "OBJECT_TABLE" || renameType === "OBJECT_VIEW" || renameType === "OBJECT_MATVIEW") {
    catalog.rename(relation, { name: newname });
  }
  if (renameType === "OBJECT_POLICY" && relation.policies.delete(subname)) relation.policies.add(newname);
  if (renameType !== "OBJECT_COLUMN") return;
  const column = relation.columns.get(subname);
  if (!column) return;
  relation.columns.delete(subname);
  relation.columns.set(newname, { ...column, name: newname });
  const change = (each: string) => (each === subname ? newname : each);
  for (const index of relation.indexes) {
    index.columns = index.columns.map((each) => (each === undefined ? each : change(each)));
  }
  for (const key of relation.foreignKeys) key.columns = key.columns.map(change);
}

/** Takes away what is dropped for certain. */
export function drop({ objects, removeType }: DropStmt, { catalog, statement }: EffectContext): void {
  // Whether a block comes to it is not known, and what stays is judged more strictly than what is gone.
  if (statement.guarded) return;
  for (const object of objects ?? []) {
    const names = listedNames(object);
    switch (removeType) {
      case "OBJECT_TABLE":
      case "OBJECT_VIEW":
      case "OBJECT_MATVIEW": {
        const relation = catalog.listed(names);
        if (relation) catalog.remove(relation);
        break;
      }
      case "OBJECT_SCHEMA":
        for (const relation of catalog.relations) if (relation.schema === names[0]) catalog.remove(relation);
        break;
      case "OBJECT_INDEX":
        for (const { indexes } of catalog.relations) {
          const at = indexes.findIndex(({ name }) => name === names.at(-1));
          if (at >= 0) indexes.splice(at, 1);
        }
        break;
      case "OBJECT_POLICY":
        catalog.listed(names.slice(0, -1))?.policies.delete(names.at(-1) ?? "");
        break;
      default:
    }
  }
}
