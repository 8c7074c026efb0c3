import type { SnapshotCell, SnapshotRelation } from "./snapshot.js";

/** One difference between what was agreed on and what is. */
export interface AccessChange {
  /** Whom it concerns. */
  readonly identity: string;
  /** `public.invoices`, `public.f(uuid)` */
  readonly subject: string;
  readonly kind: "gained" | "lost" | "undecided";
  readonly sentence: string;
  /** Whether it breaks the agreement; what could not be told before and turns out to be nothing does not. */
  readonly fails: boolean;
}

/** What an identity could do with a relation and what it can do now. */
export interface Sides {
  readonly identity: string;
  readonly subject: string;
  readonly before: SnapshotRelation;
  readonly after: SnapshotRelation;
  readonly was: SnapshotCell | "nothing";
  readonly is: SnapshotCell | "nothing";
}
