import type { CreateFunctionStmt, DefElem, GrantStmt, Node } from "libpg-query";
import { asNode, namesIn } from "../../schema/index.js";
import type { Catalog, Relation } from "./catalog.js";
import type { Report, RuleContext, RuleMemory } from "./context.js";
import { exposedSchemas, placeOf } from "./effect-context.js";
import { rolesOf } from "./grants.js";
import type { RuleSet } from "./rule-set.js";

/** Who can see and do what: grants, functions that run as their owner. What concerns tables is judged at the end. */
export const exposureRules: RuleSet = {
  GrantStmt: (statement, context) => grantToAnon(statement, context),
  AlterDefaultPrivilegesStmt: ({ action }, context) => {
    if (action) grantToAnon(action, context);
  },
  CreateFunctionStmt: (statement, context) => definer(statement, context),
  AlterFunctionStmt: ({ func, actions }, { memory }) => {
    if (pinsSearchPath(actions)) memory.definers.delete(namesIn(func?.objname).join("."));
  },
  DropStmt: ({ removeType, objects }, { memory }) => {
    if (removeType !== "OBJECT_FUNCTION") return;
    for (const node of objects ?? []) {
      memory.definers.delete(namesIn(asNode(node, "ObjectWithArgs")?.objname).join("."));
    }
  },
  DoStmt: (_statement, { statement, memory }) => {
    if (statement.opaque) memory.dynamic.push(statement.text.toLowerCase());
  },
};

function grantToAnon(statement: GrantStmt, { report }: RuleContext): void {
  if (!statement.is_grant || !rolesOf(statement).includes("anon")) return;
  const open = statement.objtype;
  if (open !== "OBJECT_TABLE" && open !== "OBJECT_FUNCTION" && open !== "OBJECT_ROUTINE") return;
  const rights = (statement.privileges ?? []).flatMap((node) => asNode(node, "AccessPriv")?.priv_name ?? []);
  const what = rights.length === 0 ? "Everything" : rights.join(", ");
  const on = open === "OBJECT_TABLE" ? "tables" : "functions";
  report({
    rule: "grant-to-anon",
    level: open === "OBJECT_TABLE" ? "warning" : "info",
    message: `${what.charAt(0).toUpperCase()}${what.slice(1)} on ${on} is granted to anon: whoever has the public API key may use it without signing in.`,
  });
}

function definer(statement: CreateFunctionStmt, context: RuleContext): void {
  const { options, funcname, sql_body } = statement;
  const name = namesIn(funcname).join(".");
  const security = optionOf(options, "security")?.arg;
  const isDefiner = security !== undefined && asNode(security, "Boolean")?.boolval === true;
  // The names in a body of `begin atomic` are looked up once, when it is made.
  if (!isDefiner || sql_body !== undefined || pinsSearchPath(options)) {
    context.memory.definers.delete(name);
    return;
  }
  context.memory.definers.set(name, {
    rule: "definer-without-search-path",
    at: placeOf(context),
    message: `${name}() runs as its owner and looks names up along its caller's search_path: an object that the caller puts in front runs with the owner's rights.`,
  });
}

function optionOf(options: readonly Node[] | undefined, name: string): DefElem | undefined {
  return (options ?? []).map((node) => asNode(node, "DefElem")).find((option) => option?.defname === name);
}

function pinsSearchPath(options: readonly Node[] | undefined): boolean {
  return (options ?? []).some((node) => {
    const option = asNode(node, "DefElem");
    return option?.defname === "set" && asNode(option.arg, "VariableSetStmt")?.name === "search_path";
  });
}

/** What the tables and views are, once all files are read. */
export function judgeExposure(catalog: Catalog, memory: RuleMemory): Report[] {
  const reports: Report[] = [...memory.definers.values()].filter(({ at }) => at?.file.linted);
  const unseen = (words: string) => memory.dynamic.some((text) => text.includes(words));
  for (const relation of catalog.relations) {
    if (relation.kind === "table") reports.push(...judgeTable(relation, unseen));
    else if (relation.created) reports.push(...judgeView(relation));
  }
  return reports;
}

function judgeTable(relation: Relation, unseen: (words: string) => boolean): Report[] {
  const { title, created, disabledAt, rowSecurity, policies, exposedTo } = relation;
  if (!exposedSchemas.includes(relation.schema) || exposedTo.size === 0) return [];
  const who = [...exposedTo].join(" and ");
  if (disabledAt?.file.linted) {
    return [
      {
        rule: "row-security-disabled",
        at: disabledAt,
        message: `Row security of ${title} is off from here on: ${who} may use every row that a grant allows.`,
      },
    ];
  }
  if (!created) return [];
  if (!rowSecurity) {
    const dynamic = unseen("row level security");
    return [
      {
        rule: "table-without-row-security",
        level: dynamic ? "warning" : "error",
        at: created,
        message: `${title} is served by the API and has no row security: ${who} may use every row${dynamic ? ", unless a DO block switches it on by SQL that it puts together" : ""}.`,
      },
    ];
  }
  if (policies.size > 0 || unseen("policy")) return [];
  return [
    {
      rule: "row-security-without-policy",
      at: created,
      message: `${title} has row security and no policy: ${who} can see and write no row of it.`,
    },
  ];
}

function judgeView(relation: Relation): Report[] {
  const { title, kind, invoker, exposedTo, created } = relation;
  if (exposedTo.size === 0) return [];
  const guarded = protectedBelow(relation, new Set());
  const [first] = guarded;
  if (first === undefined) return [];
  const who = [...exposedTo].join(" and ");
  if (kind === "materialized view") {
    const message = `${title} is a copy of rows of ${guarded.join(", ")}, whose policies do not hold for it: ${who} can read all of it.`;
    return [{ rule: "materialized-view-exposed", at: created, message }];
  }
  if (invoker) return [];
  const message = `${title} reads ${guarded.join(", ")} as its owner: the policies there do not hold for ${who}.`;
  return [{ rule: "view-without-security-invoker", at: created, message }];
}

/** The tables with row security that a view reads, also through views that read as their owners. */
function protectedBelow(view: Relation, seen: Set<Relation>): string[] {
  if (seen.has(view)) return [];
  seen.add(view);
  const found = view.reads.flatMap((relation) => {
    if (relation.kind === "table") return relation.rowSecurity ? [relation.title] : [];
    return relation.kind === "view" ? protectedBelow(relation, seen) : [];
  });
  return [...new Set(found)];
}
