import type { ReindexStmt } from "libpg-query";
import { counted } from "../../operation/index.js";
import { asNode } from "../../schema/index.js";
import type { Relation } from "./catalog.js";
import { keepsEveryValue, readType } from "./column-type.js";
import { countOf, findingOf, isOlder, liveTable, type PlacedFinding, type RuleContext } from "./context.js";
import type { LintLevel } from "./finding.js";
import type { RuleSet } from "./rule-set.js";
import type { Squawked } from "./squawk.js";
import { squawkRule } from "./squawk-rules.js";
import { listedNames } from "./walk-tree.js";

/** A statement with the tables that it locks, as they were before it. */
export interface Locking {
  readonly context: RuleContext;
  readonly relations: readonly Relation[];
  /** Whether it concerns something that is not known, and so was there before. */
  readonly unknown: boolean;
  /** Whether it changes types without writing the table anew. */
  readonly quick: boolean;
}

/** Below the first nobody notices a lock; from the second on everybody may. */
const noticeable = { some: 1_000, many: 100_000 };

/** Finds out what a statement locks, before it takes effect. */
export function lockingOf(context: RuleContext): Locking {
  const { catalog, statement } = context;
  const { node } = statement;
  const altered = asNode(node, "AlterTableStmt");
  const index = asNode(node, "IndexStmt");
  const renamed = asNode(node, "RenameStmt");
  const dropped = asNode(node, "DropStmt");
  const reindexed = asNode(node, "ReindexStmt");
  const named = [altered?.relation, index?.relation, renamed?.relation].filter((name) => name !== undefined);
  for (const command of altered?.cmds ?? []) {
    const target = asNode(asNode(command, "AlterTableCmd")?.def, "Constraint")?.pktable;
    if (target) named.push(target);
  }
  const relations = named.flatMap((name) => catalog.find(name) ?? []);
  if (dropped?.removeType === "OBJECT_INDEX") {
    for (const object of dropped.objects ?? [])
      relations.push(...withIndex(listedNames(object).at(-1), context));
  }
  if (reindexed) relations.push(...reindexedTables(reindexed, context));
  return { context, relations, unknown: relations.length === 0, quick: isQuick(context, relations[0]) };
}

function withIndex(name: string | undefined, { catalog }: RuleContext): Relation[] {
  return catalog.relations.filter(({ indexes }) => indexes.some((index) => index.name === name));
}

function reindexedTables({ kind, relation }: ReindexStmt, context: RuleContext): Relation[] {
  if (kind === "REINDEX_OBJECT_INDEX") return withIndex(relation?.relname, context);
  const found = context.catalog.find(relation);
  return found ? [found] : [];
}

/** Whether every change of type only widens what may be stored: Postgres then changes the catalog alone. */
function isQuick({ statement }: RuleContext, relation: Relation | undefined): boolean {
  const commands = (asNode(statement.node, "AlterTableStmt")?.cmds ?? []).map((node) =>
    asNode(node, "AlterTableCmd"),
  );
  const changes = commands.filter((command) => command?.subtype === "AT_AlterColumnType");
  return (
    changes.length > 0 &&
    changes.every((command) => {
      const definition = asNode(command?.def, "ColumnDef");
      const from = relation?.columns.get(command?.name ?? "")?.type;
      const to = readType(definition?.typeName);
      if (!from || !to || definition?.raw_default) return false;
      const alike = from.name === to.name || (from.name === "varchar" && to.name === "text");
      const samePlaces =
        from.name !== "numeric" || to.modifiers.length === 0 || from.modifiers[1] === to.modifiers[1];
      return alike && samePlaces && keepsEveryValue(from, to);
    })
  );
}

/** Judges what squawk said by what is known of the tables; says nothing of those that the files make. */
export async function judgeSquawk(
  squawked: readonly Squawked[],
  lockings: readonly Locking[],
): Promise<PlacedFinding[]> {
  const findings: PlacedFinding[] = [];
  const seen = new Set<string>();
  for (const { file, rule, offset } of squawked) {
    const known = squawkRule(rule);
    const locking = lockings.find(({ context: { file: other, statement } }) => {
      const from = statement.offset;
      return other === file && !statement.guarded && from <= offset && offset <= from + statement.text.length;
    });
    if (!known || !locking || (rule === "changing-column-type" && locking.quick)) continue;
    const { context } = locking;
    const judged =
      known.scope === "always" ? { level: known.level, of: "" } : await judgeTables(known, locking);
    const key = JSON.stringify([file.shown, context.statement.offset, rule]);
    if (!judged || seen.has(key)) continue;
    seen.add(key);
    findings.push({
      rule,
      level: judged.level,
      file: file.shown,
      line: file.lineOf(offset),
      message: `${known.what.replace(/\.$/, "")}${judged.of}: ${known.why.charAt(0).toLowerCase()}${known.why.slice(1)}`,
      remedy: known.remedy,
      statementLines: [context.statement.line, context.statement.lastLine],
    });
  }
  return findings.filter((finding) => !saysTwice(finding, findings));
}

/** Of a foreign key or a unique constraint squawk says two things, of which one is the other in general words. */
function saysTwice({ rule, statementLines }: PlacedFinding, all: readonly PlacedFinding[]): boolean {
  const special = [
    "adding-foreign-key-constraint",
    "disallowed-unique-constraint",
    "adding-serial-primary-key-field",
  ];
  if (rule !== "constraint-missing-not-valid") return false;
  return all.some(
    (other) => special.includes(other.rule) && other.statementLines?.[0] === statementLines?.[0],
  );
}

async function judgeTables(
  { scope, level }: { readonly scope: string; readonly level: LintLevel },
  { context, relations, unknown }: Locking,
): Promise<{ readonly level: LintLevel; readonly of: string } | undefined> {
  const older = relations.filter(isOlder);
  if (older.length === 0) return unknown ? { level, of: "" } : undefined;
  const [first] = relations;
  // A new table that only refers to an old one holds nothing to check.
  if (first && !isOlder(first)) return undefined;
  if (scope === "clients") return { level, of: ` (${first?.title})` };
  const sizes: { readonly rows: number; readonly title: string }[] = [];
  for (const relation of older) {
    const live = liveTable(relation, context.data);
    const rows = live && (await countOf(context, live));
    if (rows === undefined) return { level, of: ` on ${relation.title}` };
    sizes.push({ rows, title: relation.title });
  }
  const largest = sizes.sort((left, right) => right.rows - left.rows)[0];
  if (!largest || largest.rows < noticeable.some) return undefined;
  const of = ` on ${largest.title}, which has ${counted(largest.rows, "row")}`;
  return { level: largest.rows < noticeable.many ? "info" : level, of };
}

/** Locks that squawk does not speak of. */
export const lockRules: RuleSet = {
  VacuumStmt: async ({ options, rels }, context) => {
    const full = (options ?? []).some((node) => asNode(node, "DefElem")?.defname === "full");
    const names = (rels ?? []).map((node) => asNode(node, "VacuumRelation")?.relation);
    if (full)
      await rewrites(
        "vacuum full",
        names.map((name) => context.catalog.find(name)),
        context,
      );
  },
  ClusterStmt: async ({ relation }, context) =>
    await rewrites("cluster", [context.catalog.find(relation)], context),
  AlterTableStmt: async ({ relation: name, cmds }, context) => {
    const relation = context.catalog.find(name);
    for (const node of cmds ?? []) {
      const command = asNode(node, "AlterTableCmd");
      const subtype = command?.subtype ?? "";
      const what = rewriting.get(subtype);
      if (what !== undefined) await rewrites(what, [relation], context);
      const constraint = asNode(command?.def, "Constraint");
      if (constraint?.contype === "CONSTR_EXCLUSION")
        await rewrites("an exclusion constraint", [relation], context);
      if (subtype === "AT_DisableTrigAll" || subtype === "AT_DisableTrigUser") {
        triggersOff(relation?.title ?? name?.relname ?? "", context);
      }
    }
  },
  RefreshMatViewStmt: async ({ concurrent, relation }, context) => {
    if (!concurrent)
      await rewrites("refresh without concurrently", [context.catalog.find(relation)], context);
  },
};

const rewriting: ReadonlyMap<string, string> = new Map([
  ["AT_SetLogged", "set logged"],
  ["AT_SetUnLogged", "set unlogged"],
  ["AT_SetTableSpace", "set tablespace"],
  ["AT_SetAccessMethod", "set access method"],
]);

async function rewrites(
  what: string,
  relations: readonly (Relation | undefined)[],
  context: RuleContext,
): Promise<void> {
  const known = relations.flatMap((relation) => relation ?? []);
  const judged = await judgeTables(
    { scope: "locks", level: "warning" },
    { context, relations: known, unknown: known.length === 0, quick: false },
  );
  if (!judged) return;
  const message = `${what}${judged.of}: nobody can read or write it until the transaction ends.`;
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
  context.report({ rule: "keeps-everybody-out", level: judged.level, message: sentence });
}

function triggersOff(title: string, context: RuleContext): void {
  context.report({
    rule: "triggers-disabled",
    message: `The triggers of ${title} are switched off: what they keep in order is not kept until they are on again.`,
  });
}

/** That squawk could not be asked, said once. */
export function squawkMissing(context: RuleContext, because: string): PlacedFinding {
  return findingOf(
    { rule: "squawk-missing", message: `squawk's rules were not asked: ${because}.` },
    context,
  );
}
