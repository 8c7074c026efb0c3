import { quoteIdentifier } from "../postgres/index.js";

/** Whom a right or a policy is for, in SQL; null is everybody. */
export function roleOrPublic(role: string | null): string {
  return role === null ? "public" : quoteIdentifier(role);
}
