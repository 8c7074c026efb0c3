import { counted, grouped } from "../../operation/index.js";
import { type Client, readTokens } from "../../postgres/index.js";

/** A node of a plan, as far as it is read here (https://www.postgresql.org/docs/17/sql-explain.html). */
export interface PlanNode {
  readonly "Node Type": string;
  readonly "Parent Relationship"?: string;
  readonly "Subplan Name"?: string;
  readonly "Relation Name"?: string;
  readonly Schema?: string;
  readonly Alias?: string;
  readonly "Index Name"?: string;
  readonly Filter?: string;
  readonly "Index Cond"?: string;
  readonly "Actual Rows"?: number;
  readonly "Actual Loops"?: number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** What makes a plan cost more with every row. */
export interface PlanCost {
  readonly kind:
    | "caller-per-row"
    | "function-per-row"
    | "sub-query-per-row"
    | "rows-removed"
    | "list-not-searched";
  readonly relation: string | undefined;
  /** How many rows it was done for, or how many were read in vain. */
  readonly rows: number;
  readonly sentence: string;
}

/** Reading fewer rows in vain costs next to nothing, whatever the table. */
const worthTelling = 1000;

/** The names under which a plan shows that somebody is asked who is asking. */
const callerNames = new Set(["current_setting", "auth.uid", "auth.jwt", "auth.role", "auth.email"]);

/**
 * Says what in a plan that was run is costly.
 * @param functions the project's own functions, by their bare names
 */
export function costsOf(plan: PlanNode, functions: ReadonlySet<string>): PlanCost[] {
  const costs: PlanCost[] = [];
  for (const node of nodesOf(plan)) {
    const loops = node["Actual Loops"] ?? 0;
    const removed = Math.round((node["Rows Removed by Filter"] ?? 0) * loops);
    const looked = Math.round((node["Actual Rows"] ?? 0) * loops) + removed;
    const relation = relationOf(node);
    const of = relation === undefined ? "" : ` of ${relation}`;
    const called = callsIn(node.Filter ?? "");
    if (called.some((name) => callerNames.has(name)) && looked > 0) {
      costs.push({
        kind: "caller-per-row",
        relation,
        rows: looked,
        sentence: `Who is asking is worked out anew for each of ${counted(looked, "row")}${of}: write (select auth.uid()) in the policy, which is worked out once.`,
      });
    }
    for (const name of called) {
      const bare = name.slice(name.lastIndexOf(".") + 1);
      if (callerNames.has(name) || !functions.has(bare) || looked === 0) continue;
      costs.push({
        kind: "function-per-row",
        relation,
        rows: looked,
        sentence: `${name}() is called for each of ${counted(looked, "row")}${of} that it has to decide on.`,
      });
    }
    if (node["Node Type"] === "Seq Scan" && removed >= worthTelling) {
      costs.push({
        kind: "rows-removed",
        relation,
        rows: removed,
        sentence: `The whole of ${relation ?? "a table"} is read, and ${grouped(removed)} of ${counted(looked, "row")} are thrown away by the filter${isEither(node.Filter ?? "") ? ": its conditions are joined by OR, as those of several policies are, and no index serves both. A query that names the owner itself (where user_id = …) can use one" : ""}.`,
      });
    }
    if (removed >= worthTelling && (node.Filter ?? "").includes("hashed SubPlan")) {
      costs.push({
        kind: "list-not-searched",
        relation,
        rows: looked,
        sentence: `The list of a sub-query is looked into for each of ${counted(looked, "row")}${of}, and no index can be: write = any (array(select …)) in the policy instead of in (select …).`,
      });
    }
    if (node["Parent Relationship"] === "SubPlan" && loops > 1) {
      costs.push({
        kind: "sub-query-per-row",
        relation,
        rows: loops,
        sentence: `A sub-query${relation === undefined ? "" : ` on ${relation}`} is run ${grouped(loops)} times, once for each row.`,
      });
    }
  }
  return costs;
}

/** Whether something is worked out once before the plan runs, as a wrapped auth.uid() is. */
export function worksOutOnce(plan: PlanNode): boolean {
  return nodesOf(plan).some((node) => node["Parent Relationship"] === "InitPlan");
}

/** The indexes that a plan reads. */
export function indexesIn(plan: PlanNode): string[] {
  return nodesOf(plan).flatMap((node) => node["Index Name"] ?? []);
}

/** A plan as lines, indented by depth. */
export function planLines(node: PlanNode, depth = 0): string[] {
  const relation = relationOf(node);
  const what = [
    ...(node["Subplan Name"] === undefined ? [] : [`${node["Subplan Name"]}: `]),
    node["Node Type"],
    ...(node["Index Name"] === undefined ? [] : [` using ${node["Index Name"]}`]),
    ...(relation === undefined ? [] : [` on ${relation}`]),
  ].join("");
  const loops = node["Actual Loops"] ?? 0;
  const rows = loops === 0 ? "never run" : counted(Math.round((node["Actual Rows"] ?? 0) * loops), "row");
  const indent = "  ".repeat(depth);
  return [
    `${indent}${what} · ${rows}${loops > 1 ? ` in ${grouped(loops)} runs` : ""}`,
    ...(node["Index Cond"] === undefined ? [] : [`${indent}    index: ${node["Index Cond"]}`]),
    ...(node.Filter === undefined ? [] : [`${indent}    filter: ${node.Filter}`]),
    ...(node.Plans ?? []).flatMap((child) => planLines(child, depth + 1)),
  ];
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

function relationOf({ Schema: schema, "Relation Name": name }: PlanNode): string | undefined {
  if (name === undefined) return undefined;
  return schema === undefined ? name : `${schema}.${name}`;
}

function isEither(expression: string): boolean {
  return [...readTokens(expression)].some(
    ({ kind, from, to }) => kind === "word" && expression.slice(from, to).toLowerCase() === "or",
  );
}

/** Names that stand before a parenthesis, with their schema where it is written. */
function callsIn(expression: string): string[] {
  const tokens = [...readTokens(expression)].map(({ kind, from, to }) => ({
    isName: kind === "word" || kind === "quoted",
    text: expression.slice(from, to),
  }));
  const names = tokens.flatMap(({ isName, text }, place) => {
    if (!isName || tokens[place + 1]?.text !== "(") return [];
    const isQualified = tokens[place - 1]?.text === "." && tokens[place - 2]?.isName === true;
    return [isQualified ? `${tokens[place - 2]?.text}.${text}` : text];
  });
  return [...new Set(names.map((name) => name.replaceAll('"', "")))];
}

/** Functions that came after initdb and belong to no extension. */
const ownFunctions = `
select distinct proname::text as name
from pg_proc
where oid >= 16384
  and not exists (select from pg_depend where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e')
`;

/** Reads the bare names of the project's own functions. */
export async function readOwnFunctions(client: Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(ownFunctions);
  return new Set(rows.map(({ name }) => name));
}
