import type { AccessIdentity } from "../identities.js";
import type { OwnerColumn } from "../ownership.js";
import type { RelationFacts } from "./facts.js";
import type { RowClass } from "./matrix.js";
import type { ProbeSession } from "./probe-session.js";
import type { Reach } from "./reach.js";
import type { Rights } from "./rights.js";

/** One identity and one relation, and what is known of the two before anything is tried. */
export interface Pair {
  readonly session: ProbeSession;
  readonly relation: RelationFacts;
  readonly identity: AccessIdentity;
  readonly rights: Rights;
  readonly reach: Reach;
  /** SQL for the owners of a row that is called by the table's name; undefined where nothing tells. */
  readonly owners: string | undefined;
  /** The columns by which a row names its owner. */
  readonly ownerColumns: readonly OwnerColumn[];
}

/** The classes that rows of this relation fall into for this identity. */
export function classesOf({
  owners,
  ownerColumns,
  identity,
}: Pick<Pair, "owners" | "ownerColumns" | "identity">): readonly RowClass[] {
  if (owners === undefined) return ["rows"];
  const isAlwaysOwned = ownerColumns.some(({ notNull, through }) => notNull && through === undefined);
  return [
    ...(identity.userId === undefined ? [] : (["own"] as const)),
    "others",
    ...(isAlwaysOwned ? [] : (["nobodys"] as const)),
  ];
}
