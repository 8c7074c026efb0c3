import { titleOf } from "../title-of.js";
import { type LintContext, listed } from "./context.js";
import { isOpen } from "./exposure-rules.js";
import type { RelationFacts, RoutineFacts } from "./facts.js";

/** Functions: what they do with their owner's rights, and where they look names up. */
export function judgeRoutines(context: LintContext): void {
  for (const routine of context.facts.routines) {
    judgeSearchPath(routine, context);
    if (!routine.trigger && routine.definer && context.isServed(routine.schema))
      judgeDefiner(routine, context);
  }
}

export function signatureOf({ schema, name, argumentTypes }: RoutineFacts): string {
  return `${schema}.${name}(${argumentTypes})`;
}

function judgeSearchPath(routine: RoutineFacts, context: LintContext): void {
  const { searchPath, atomic, language, definer } = routine;
  if (searchPath !== null || atomic || (language !== "sql" && language !== "plpgsql")) return;
  const subject = signatureOf(routine);
  const message = definer
    ? `${subject} runs as its owner and looks names up along its caller's search_path: an object that the caller puts in front runs with the owner's rights.`
    : `${subject} looks names up along its caller's search_path, and may mean other objects for another caller.`;
  const level = definer ? "warning" : "info";
  context.report({ rule: "definer-without-search-path", level, subject, message });
}

/** Asks of a function that runs as its owner whom it serves. */
function judgeDefiner(routine: RoutineFacts, context: LintContext): void {
  const { callers } = routine;
  if (callers.length === 0 || context.routines.asks(routine)) return;
  const changes = writes(routine, context);
  const tables = context.routines
    .tables(routine)
    .filter((table) => bypassed(routine, table))
    .filter((table) => changes || callers.some((role) => !isOpen(table, role, context)));
  const subject = signatureOf(routine);
  const who = listed(callers);
  if (tables.some((table) => titleOf(table) === "auth.users")) {
    const message = `${subject} reads auth.users as its owner and does not ask who calls it: ${who} can learn from it who has an account.`;
    context.report({ rule: "auth-users-exposed", subject, message });
    return;
  }
  if (tables.length === 0) {
    if (routine.language !== "plpgsql" || !context.routines.words(routine).has("execute")) return;
    const message = `${subject} runs SQL that it puts together, as its owner, and does not ask who calls it: ${who} can call it through the API.`;
    context.report({ rule: "definer-function-exposed", level: "warning", subject, message });
    return;
  }
  const names = listed(tables.map(titleOf));
  const answers = routine.returnsRows || /^(json|xml)/.test(routine.returns);
  const level = answers || changes ? "error" : "warning";
  const message = `${subject} works on ${names} as its owner, where policies do not hold for it, and does not ask who calls it: ${who} can call it through the API.`;
  context.report({ rule: "definer-function-exposed", level, subject, message });
}

function bypassed(routine: RoutineFacts, table: RelationFacts): boolean {
  if (!table.rowSecurity && titleOf(table) !== "auth.users") return false;
  return routine.ownerBypasses || (routine.owner === table.owner && !table.forced);
}

const writing = ["insert", "update", "delete", "merge", "truncate"];

function writes(routine: RoutineFacts, { routines }: LintContext): boolean {
  return routines.withCalled(routine).some((each) => writing.some((word) => routines.words(each).has(word)));
}
