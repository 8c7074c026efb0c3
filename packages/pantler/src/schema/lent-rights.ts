import { quoteIdentifier, quoteLiteral } from "../postgres/index.js";
import type { DumpEntry } from "./dump-entry.js";
import { when, whereAllowed } from "./guards.js";

/** A role that owns something in a schema which is not its own. */
interface Lodger {
  readonly schema: string;
  readonly role: string;
}

/**
 * Makes entries that lend roles the right to have things in schemas of others, without which only a superuser can give
 * a role what it owned there, and entries that take it back, for before the rights that they really have are given.
 */
export function lendRights(entries: readonly DumpEntry[]): {
  readonly lending: readonly DumpEntry[];
  readonly returning: readonly DumpEntry[];
} {
  const lodgers = lodgersIn(entries);
  return { lending: lodgers.map(lend), returning: lodgers.map(takeBack) };
}

function lodgersIn(entries: readonly DumpEntry[]): Lodger[] {
  const schemas = entries.filter(({ type }) => type === "SCHEMA");
  const owners = new Map(schemas.map(({ name, owner }) => [name, owner]));
  const lodgers = new Map<string, Lodger>();
  for (const { schema, owner, type } of entries) {
    if (schema === undefined || owner === "" || type.endsWith("ACL")) continue;
    const isMade = owners.has(schema) || schema === "public";
    if (!isMade || owners.get(schema) === owner) continue;
    lodgers.set(JSON.stringify([schema, owner]), { schema, role: owner });
  }
  return [...lodgers.values()];
}

/** Whoever restores needs nothing lent. What cannot be lent is missed where it is needed, and told there. */
function lend({ schema, role }: Lodger): DumpEntry {
  const [on, to] = [quoteIdentifier(schema), quoteIdentifier(role)];
  return {
    section: "pre",
    type: "LENT ACL",
    schema: undefined,
    name: `SCHEMA ${schema}`,
    owner: "",
    sql: `${when(isOther(role), whereAllowed([`grant usage, create on schema ${on} to ${to}`]))};`,
  };
}

function takeBack({ schema, role }: Lodger): DumpEntry {
  const [on, from] = [quoteIdentifier(schema), quoteIdentifier(role)];
  return {
    section: "post",
    type: "ACL",
    schema: undefined,
    name: `SCHEMA ${schema}`,
    owner: "",
    sql: `${when(isOther(role), whereAllowed([`revoke usage, create on schema ${on} from ${from}`]))};`,
  };
}

function isOther(role: string): string {
  const there = `select from pg_catalog.pg_roles where rolname = ${quoteLiteral(role)}`;
  return `${quoteLiteral(role)} <> current_user and exists (${there})`;
}
