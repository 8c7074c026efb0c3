import type { LiveTable, Place, Relation } from "./catalog.js";
import { type EffectContext, placeOf } from "./effect-context.js";
import type { LintFinding, LintLevel } from "./finding.js";
import { isUnanswered, type LiveData } from "./live-data.js";
import { type OwnRule, ownRule } from "./rules.js";

/** What a rule says of a statement. */
export interface Report {
  readonly rule: OwnRule;
  /** The rule's own by default. */
  readonly level?: LintLevel | undefined;
  readonly message: string;
  readonly remedy?: string | undefined;
  /** Where; the statement's first line by default. */
  readonly at?: Place | undefined;
}

/** A finding with the statement it is about, on whose line a comment may suppress it. */
export interface PlacedFinding extends LintFinding {
  readonly statementLines: readonly [first: number, last: number] | undefined;
}

/** What a rule has to work with while the statements are read, before the current one takes effect. */
export interface RuleContext extends EffectContext {
  /** The environment's rows; undefined where text alone is judged. */
  readonly data: LiveData | undefined;
  readonly report: (report: Report) => void;
  /** Put off until every file is read. */
  readonly later: (work: () => void) => void;
  readonly memory: RuleMemory;
}

/** What rules keep from one statement to a later one. */
export interface RuleMemory {
  /** Security definer functions without a search_path, by name. */
  readonly definers: Map<string, Report>;
  /** What a later `validate constraint` asks of the data, by table and constraint. */
  readonly unvalidated: Map<string, () => Promise<void>>;
  /** Text of DO blocks that run SQL which they put together, in lower case. */
  readonly dynamic: string[];
}

export function newMemory(): RuleMemory {
  return { definers: new Map(), unvalidated: new Map(), dynamic: [] };
}

/** Turns a report into a finding. */
export function findingOf(
  { rule, level, message, remedy, at }: Report,
  context: EffectContext,
): PlacedFinding {
  const { file, statement, line } = at ?? placeOf(context);
  const known = ownRule(rule);
  return {
    rule,
    level: level ?? known.level,
    file: file.shown,
    line,
    message,
    remedy: remedy ?? known.remedy,
    statementLines: [statement.line, statement.lastLine],
  };
}

/**
 * The table of a statement as the environment has it, where the data may be asked.
 * @returns undefined for a new table, an unknown one, and where text alone is judged
 */
export function liveTable(relation: Relation | undefined, data: LiveData | undefined): LiveTable | undefined {
  return data === undefined ? undefined : relation?.live;
}

/** Whether a table may hold rows that were there before the files that are judged. */
export function isOlder(relation: Relation | undefined): boolean {
  return relation?.created === undefined;
}

/** How grave it is that the data breaks a statement: rows that are changed before it may be mended by that. */
export function levelOfBreach({ catalog, statement }: EffectContext, relation: Relation): LintLevel {
  return statement.guarded || relation.written || catalog.opaque ? "warning" : "error";
}

/** Says that a question about a table found no answer. */
export function reportUnchecked(context: RuleContext, what: string, because: string): void {
  context.report({ rule: "unchecked", message: `${what} could not be checked: ${because}.` });
}

/** How many rows a table has; undefined where that is not known, which is told. */
export async function countOf(context: RuleContext, table: LiveTable): Promise<number | undefined> {
  const answer = await context.data?.rowsOf(table);
  if (answer === undefined) return undefined;
  if (!isUnanswered(answer)) return answer.rows;
  reportUnchecked(context, `How many rows ${table.schema}.${table.name} has`, answer.because);
  return undefined;
}

/** The keys of rows as they are shown after a count. */
export function sampleOf(keys: readonly string[], count: number, table: LiveTable): string {
  if (keys.length === 0) return "";
  const name = table.key.length === 0 ? "place" : table.key.join(", ");
  return ` (${name}: ${keys.join(", ")}${count > keys.length ? ", …" : ""})`;
}

/** Where the rows are not there again after the rollback, whatever its script says. */
export function reportUnprovable(context: RuleContext, what: string): void {
  if (!context.file.migration.rollback.exists) return;
  context.report({
    rule: "rollback-unprovable",
    message: `${what} takes data that the rollback script cannot bring back.`,
  });
}
