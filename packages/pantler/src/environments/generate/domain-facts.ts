import type { Node } from "libpg-query";
import type { Hints } from "./hints.js";

/** What is known of a domain's values. */
export interface DomainFacts {
  readonly hints: Hints;
  readonly checks: readonly (Node | undefined)[];
  /** Values that the server allowed, where only it can judge. */
  readonly values: readonly unknown[] | undefined;
}

/** Domains by their type's object id. */
export type Domains = ReadonlyMap<number, DomainFacts>;
