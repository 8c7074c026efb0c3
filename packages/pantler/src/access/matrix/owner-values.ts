import { sqlName } from "../../copy/index.js";
import { quoteIdentifier } from "../../postgres/index.js";
import type { OwnerColumn } from "../ownership.js";
import type { Pair } from "./pair.js";

/** What an owner column holds for the identity itself, and for somebody else. */
export interface OwnerValues {
  readonly column: OwnerColumn;
  readonly self: string | undefined;
  /** Two, so that one of them differs from whatever a row holds. */
  readonly others: readonly string[];
}

/** Reads what a row would have to hold to be the identity's own, or another's; the session reads as itself. */
export async function readOwnerValues({ session, identity, ownerColumns }: Pair): Promise<OwnerValues[]> {
  const found: OwnerValues[] = [];
  for (const column of ownerColumns) {
    const { through } = column;
    const [key, user, table] = through
      ? [quoteIdentifier(through.key), quoteIdentifier(through.user), sqlName(through.table)]
      : ["id", "id", "auth.users"];
    const attempt = await session.attempt(
      `(select ${key}::text as key, true as self from ${table} where ${user}::text = $1 limit 1)
      union all
      (select ${key}::text, false from ${table} where ${user} is not null and ${user}::text is distinct from $1 order by 1 limit 2)`,
      [identity.userId ?? null],
    );
    const rows = attempt.refusal ? [] : (attempt.rows as unknown as { key: string; self: boolean }[]);
    found.push({
      column,
      self: rows.find(({ self }) => self)?.key ?? (through ? undefined : identity.userId),
      others: rows.filter(({ self }) => !self).map(({ key }) => key),
    });
  }
  return found;
}
