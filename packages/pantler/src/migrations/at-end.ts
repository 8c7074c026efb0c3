import type { Client } from "../postgres/index.js";
import type { CheckGroup } from "./check.js";

/** Why work is not kept, found by somebody who looked at it before its commit. */
export interface Objection {
  readonly code: string;
  readonly message: string;
  readonly detail: string;
  readonly remedy: string;
}

/** What has to hold before the last transaction commits. */
export interface AtEnd {
  /** The checks that belong to no migration. */
  readonly smoke: readonly CheckGroup[];
  /** Looks at the result inside the transaction, and may write to it; an objection undoes it. */
  readonly inspect: ((client: Client) => Promise<Objection | undefined>) | undefined;
}

export const nothingAtEnd: AtEnd = { smoke: [], inspect: undefined };
