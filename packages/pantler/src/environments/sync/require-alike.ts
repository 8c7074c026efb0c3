import { atMost, RefusedError } from "../../operation/index.js";
import { differenceInWords } from "../../schema/index.js";
import {
  compareLedgers,
  compareSchemasOf,
  type LedgerEntry,
  type LedgerParity,
} from "../parity/schema-parity.js";
import type { Side } from "../side.js";

/** So many differences are named. */
const namedAtMost = 10;

/**
 * Sees to it that rows of one environment fit into another: same schema, same migrations.
 * @returns the fingerprints of both schemas
 * @throws RefusedError `schemas-differ` saying what differs, and which migrations to deploy
 */
export async function requireAlike(from: Side, to: Side): Promise<readonly [string, string]> {
  const { differences, fingerprints } = await compareSchemasOf(from, to);
  const ledger = await compareLedgers(from, to);
  if (differences.length === 0 && ledger.onlyLeft.length + ledger.onlyRight.length === 0) return fingerprints;
  const words = differences.map((each) => differenceInWords(each, `is only in ${to.name}`));
  throw new RefusedError({
    code: "schemas-differ",
    message: `${to.name} does not have the ${differences.length > 0 ? "schema" : "migrations"} of ${from.name}, so its rows would not fit.`,
    detail: [
      ...describeMissing(to, ledger.onlyLeft),
      ...describeMissing(from, ledger.onlyRight),
      ...atMost(words, namedAtMost),
    ].join("\n"),
    state: "Nothing was done.",
    remedy: remedyFor(from, to, ledger),
  });
}

function describeMissing({ name }: Side, missing: readonly LedgerEntry[]): string[] {
  return missing.map(
    (each) => `${name} lacks the migration ${[each.version, each.name].filter(Boolean).join("_")}`,
  );
}

function remedyFor(from: Side, to: Side, { onlyLeft, onlyRight }: LedgerParity): string {
  const steps = [
    ...(onlyLeft.length > 0 ? [deployTo(to)] : []),
    ...(onlyRight.length > 0 ? [deployTo(from)] : []),
  ];
  if (steps.length > 0) return `Deploy what is missing: ${steps.join(", and ")}`;
  return `See what was changed by hand: pantler migration drift --env ${to.name}, and the same for ${from.name}`;
}

function deployTo({ name, target }: Side): string {
  return target.environment.protected ? `pantler deploy ${name}` : `pantler migration up --env ${name}`;
}
