import type { Cell, Command, CommandAccess, OwnershipChange, RowClass, Verdict } from "./matrix.js";
import { readOwnerValues } from "./owner-values.js";
import { classesOf, type Pair } from "./pair.js";
import { readRows, type Seen } from "./read-rows.js";
import { rulingOf } from "./rights.js";
import { chooseTrials, chooseViewTrials } from "./trial-rows.js";
import { tryDelete } from "./try-delete.js";
import { tryInsert } from "./try-insert.js";
import { tryUpdate } from "./try-update.js";
import { outOfReach, reachesAny, reconsider } from "./try-whole.js";

type Verdicts = Partial<Record<RowClass, Verdict>>;
type Ownership = Partial<Record<OwnershipChange, readonly string[]>>;

/** Finds what one identity may do with one relation, in a transaction that is rolled back. */
export async function measurePair(pair: Pair): Promise<Cell> {
  return await pair.session.inTransaction(async () => {
    const { session, relation, identity } = pair;
    // Whoever computes a policy to find rows worth trying has to be asked in the identity's name.
    await setClaims(pair);
    const seen = await readRows(pair);
    const hasPlaces = relation.kind !== "view" && relation.kind !== "foreign table";
    const isTried = (["insert", "update", "delete"] as const).filter((command) => !known(pair, command));
    const trials =
      isTried.length === 0
        ? { rows: [], pool: [] }
        : hasPlaces
          ? await chooseTrials(pair, seen.groups)
          : await chooseViewTrials(
              pair,
              !Object.values(seen.verdicts).some(({ level }) => level === "all" || level === "some"),
            );
    const owners = await readOwnerValues(pair);
    if (isTried.length > 0) await session.become(identity.identity);
    const verdicts: Record<"insert" | "update" | "delete", Verdicts> = { insert: {}, update: {}, delete: {} };
    const ownership: Ownership = {};
    let ownershipUnclear: string | undefined;
    const isReached = {
      update: isTried.includes("update") ? await reachesAny(pair, "update") : undefined,
      delete: isTried.includes("delete") ? await reachesAny(pair, "delete") : undefined,
    };
    for (const rowClass of classesOf(pair)) {
      const rows = trials.rows.filter((row) => row.class === rowClass);
      const whole = (command: "update" | "delete") =>
        known(pair, command) ?? (rows.length > 0 && isReached[command] === false ? outOfReach : undefined);
      verdicts.insert[rowClass] = known(pair, "insert") ?? (await tryInsert(pair, rowClass, trials, owners));
      verdicts.delete[rowClass] = whole("delete") ?? (await tryDelete(pair, rows));
      const update = whole("update");
      if (update) verdicts.update[rowClass] = update;
      else {
        const trial = await tryUpdate(pair, rows, trials.pool, owners);
        verdicts.update[rowClass] = trial.verdict;
        for (const [change, column] of trial.ownership) {
          ownership[change] = [...new Set([...(ownership[change] ?? []), column])];
        }
        ownershipUnclear ??= trial.ownershipUnclear;
      }
    }
    const doubts = (["update", "delete"] as const).flatMap((command) =>
      reconsider(command, verdicts[command], seen.groups, trials, isReached[command]),
    );
    const found = { ...seen, notes: [...seen.notes, ...doubts] };
    return cellOf(pair, found, verdicts, ownership, ownershipUnclear);
  });
}

/** A cell of which nothing could be told, save for what was never granted. */
export function undecidedCell(pair: Pair, why: string): Cell {
  const verdictsOf = (command: Command): Verdicts => {
    const ruling = rulingOf(pair.relation, pair.rights, command);
    const verdict: Verdict = ruling?.level === "none" ? ruling : { level: "undecided", why };
    return Object.fromEntries(classesOf(pair).map((each) => [each, verdict]));
  };
  const seen = { verdicts: verdictsOf("select"), groups: [], notes: [] };
  const [insert, update, remove] = (["insert", "update", "delete"] as const).map(verdictsOf);
  return cellOf(
    pair,
    seen,
    { insert: insert ?? {}, update: update ?? {}, delete: remove ?? {} },
    {},
    undefined,
  );
}

function cellOf(
  { rights }: Pair,
  { verdicts, notes }: Seen,
  changes: Record<"insert" | "update" | "delete", Verdicts>,
  ownership: Ownership,
  ownershipUnclear: string | undefined,
): Cell {
  const accessOf = (command: Command, found: Verdicts): CommandAccess => ({
    granted: rights.granted[command],
    verdicts: found,
  });
  return {
    select: accessOf("select", verdicts),
    insert: accessOf("insert", changes.insert),
    update: { ...accessOf("update", changes.update), ownership, ownershipUnclear },
    delete: accessOf("delete", changes.delete),
    notes,
  };
}

/** What need not, or must not, be tried: what was never granted, and what no rollback would take back. */
function known(
  { relation, rights, reach }: Pair,
  command: "insert" | "update" | "delete",
): Verdict | undefined {
  const ruling = rulingOf(relation, rights, command);
  if (ruling?.level === "none") return ruling;
  const outward = reach.ofTrying(relation.oid, command);
  if (outward !== undefined) return { level: "undecided", why: outward };
  if (relation.hasRules) return { level: "undecided", why: "rules rewrite what is done to it" };
  return undefined;
}

async function setClaims({ session, identity }: Pair): Promise<void> {
  const { rows } = await session.aside(async () => {
    await session.become(identity.identity);
    return await session.client.query<{ claims: string }>(
      "select current_setting('request.jwt.claims', true) as claims",
    );
  });
  await session.client.query("select set_config('request.jwt.claims', $1, true)", [rows[0]?.claims ?? ""]);
}
