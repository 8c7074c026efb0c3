import { sqlName } from "../../copy/index.js";
import type { Verdict } from "./matrix.js";
import { blindOutcome, completionOf, type Outcome, outcomeOf, trialOf } from "./outcome.js";
import type { Pair } from "./pair.js";
import { summarise } from "./summarise.js";
import type { TrialRow } from "./trial-rows.js";

/** Tries to delete each row; the session already is the identity. */
export async function tryDelete(pair: Pair, rows: readonly TrialRow[]): Promise<Verdict> {
  const outcomes: Outcome[] = [];
  for (const row of rows) outcomes.push(await deleteOne(pair, row));
  return summarise(pair, "delete", outcomes);
}

async function deleteOne(pair: Pair, { condition, parameters, isUnseen }: TrialRow): Promise<Outcome> {
  const { session, relation, reach } = pair;
  const statement = `delete from ${sqlName(relation)} where ${condition}`;
  const outcome = outcomeOf(await session.attempt(trialOf(statement), parameters));
  if (isUnseen && outcome.kind === "refused") {
    const blind = outcomeOf(await session.attempt(trialOf(`delete from ${sqlName(relation)}`)));
    return blindOutcome(outcome, blind);
  }
  const mayStillRefuse = relation.afterTriggers.includes("delete") && !relation.hasCascades;
  if (
    outcome.kind !== "allowed" ||
    !mayStillRefuse ||
    parameters.length > 0 ||
    reach.ofCompleting(relation.oid, "delete")
  ) {
    return outcome;
  }
  return outcomeOf(await session.attempt(completionOf(statement)));
}
