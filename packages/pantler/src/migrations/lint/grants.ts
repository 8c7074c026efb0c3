import type { GrantStmt } from "libpg-query";
import { asNode, namesIn } from "../../schema/index.js";
import { type ApiRole, apiRoles, type Catalog, type Relation } from "./catalog.js";
import type { EffectContext } from "./effect-context.js";

/** Opens relations to roles of the API, or closes them. */
export function grant(statement: GrantStmt, { catalog }: EffectContext): void {
  const roles = rolesOf(statement);
  for (const relation of grantedRelations(statement, catalog)) {
    for (const role of roles) {
      if (statement.is_grant) relation.exposedTo.add(role);
      else if (statement.privileges === undefined) relation.exposedTo.delete(role);
    }
  }
}

/** The roles of the API that a grant or its taking back speaks of. */
export function rolesOf({ grantees }: GrantStmt): ApiRole[] {
  const names = (grantees ?? []).map((node) => asNode(node, "RoleSpec"));
  if (names.some((role) => role?.roletype === "ROLESPEC_PUBLIC")) return [...apiRoles];
  return apiRoles.filter((role) => names.some((each) => each?.rolename === role));
}

function grantedRelations({ targtype, objtype, objects }: GrantStmt, catalog: Catalog): Relation[] {
  if (objtype !== "OBJECT_TABLE") return [];
  if (targtype === "ACL_TARGET_ALL_IN_SCHEMA") {
    const schemas = namesIn(objects);
    return catalog.relations.filter(({ schema }) => schemas.includes(schema));
  }
  return (objects ?? []).flatMap((node) => catalog.find(asNode(node, "RangeVar")) ?? []);
}
