import { quoteIdentifier, quoteQualified } from "../../../postgres/index.js";
import { titleOf } from "../../title-of.js";
import type { LintContext, Policy } from "../context.js";
import { stableFunctions } from "../cost-rules.js";
import type { AccessFinding, AccessFix } from "../finding.js";
import { wrapCalls } from "./wrap-calls.js";

/** A change that leaves who sees and changes what as it is, and the way back. */
export interface Rewriting {
  /** The table, as the access matrix names it. */
  readonly relation: string;
  /** What it mends. */
  readonly findings: readonly AccessFinding[];
  readonly up: string;
  readonly down: string;
}

/** Writes down what mends findings, as far as that can be done without changing what they are about. */
export function rewritingsFor(findings: readonly AccessFinding[], context: LintContext): Rewriting[] {
  const mended = new Map<string, { fix: AccessFix; findings: AccessFinding[] }>();
  for (const finding of findings) {
    if (!finding.fix || finding.level === "info") continue;
    const key = JSON.stringify(finding.fix);
    const known = mended.get(key) ?? { fix: finding.fix, findings: [] };
    known.findings.push(finding);
    mended.set(key, known);
  }
  const named = new Set<string>();
  return [...mended.values()].flatMap(({ fix, findings: of }) => {
    const relation = `${fix.schema}.${fix.table}`;
    const written = fix.kind === "index" ? index(fix, context, named) : policy(fix, context);
    return written ? [{ relation, findings: of, ...written }] : [];
  });
}

type Written = Pick<Rewriting, "up" | "down">;

function policy(
  { schema, table, policy: name }: Extract<AccessFix, { kind: "wrap-calls" }>,
  context: LintContext,
): Written | undefined {
  const found = context.policies.find(
    (each) => each.name === name && titleOf(each.relation) === `${schema}.${table}`,
  );
  if (!found) return undefined;
  const isStable = stableFunctions(context);
  const up = alterPolicy(found, (expression) => wrapCalls(expression, isStable));
  return { up, down: alterPolicy(found, (expression) => expression) };
}

function alterPolicy(
  { name, relation, using, check }: Policy,
  write: (expression: string) => string,
): string {
  const place = `${quoteIdentifier(name)} on ${quoteQualified(relation.schema, relation.name)}`;
  const filter = using === null ? "" : `\n  using (${write(using)})`;
  const after = check === null ? "" : `\n  with check (${write(check)})`;
  return `alter policy ${place}${filter}${after};`;
}

/** The longest name that the server keeps, in bytes. */
const longestName = 63;

function index(
  { schema, table, columns }: Extract<AccessFix, { kind: "index" }>,
  { facts }: LintContext,
  named: Set<string>,
): Written {
  const taken = (name: string) =>
    named.has(`${schema}.${name}`) ||
    facts.relations.some(
      (relation) =>
        relation.schema === schema &&
        (relation.name === name || relation.indexes.some((each) => each.name === name)),
    );
  const base = `${table}_${columns.join("_")}`;
  let name = shortened(base, "_idx");
  for (let number = 1; taken(name); number += 1) name = shortened(base, `_idx${number}`);
  named.add(`${schema}.${name}`);
  const list = columns.map(quoteIdentifier).join(", ");
  return {
    up: `create index ${quoteIdentifier(name)} on ${quoteQualified(schema, table)} (${list});`,
    down: `drop index ${quoteQualified(schema, name)};`,
  };
}

function shortened(base: string, ending: string): string {
  let text = base;
  while (Buffer.byteLength(text + ending) > longestName) text = text.slice(0, -1);
  return text + ending;
}
