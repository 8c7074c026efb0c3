import type { Command, Verdict } from "./matrix.js";
import type { Outcome } from "./outcome.js";
import type { Pair } from "./pair.js";
import { Disturbed } from "./probe-session.js";
import { rulingOf } from "./rights.js";

/**
 * Sums up what came of the rows of a class.
 * @throws Disturbed when others held every row, and that may pass
 */
export function summarise(
  { relation, rights, session }: Pair,
  command: Command,
  tried: readonly Outcome[],
): Verdict {
  const meant = tried.filter(({ isBadValue }) => !isBadValue);
  const outcomes = meant.length > 0 ? meant : tried;
  if (outcomes.length === 0) return rulingOf(relation, rights, command) ?? { level: "no rows" };
  const allowed = outcomes.filter(({ kind }) => kind === "allowed").length;
  const refused = outcomes.find(({ kind }) => kind === "refused");
  const unclear = outcomes.filter(({ kind }) => kind === "unclear");
  const isHeld = unclear.length > 0 && unclear.every(({ isLocked }) => isLocked);
  const of = outcomes.length - unclear.length;
  if (allowed > 0) return { level: refused || (unclear.length > 0 && !isHeld) ? "some" : "all", allowed, of };
  if (unclear.length === 0) return { level: "none", allowed, of, why: refused?.why };
  if (isHeld && of === 0 && !session.isLastRound) throw new Disturbed(unclear[0]?.why);
  return { level: "undecided", why: unclear[0]?.why };
}
