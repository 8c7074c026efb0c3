import type { AccessLevel, AccessRuleName } from "./rules.js";

/** A rewriting that leaves who sees and changes what as it is. */
export type AccessFix =
  | { readonly kind: "wrap-calls"; readonly schema: string; readonly table: string; readonly policy: string }
  | {
      readonly kind: "index";
      readonly schema: string;
      readonly table: string;
      readonly columns: readonly string[];
    };

/** Something that one of the rules for access has to say of a database. */
export interface AccessFinding {
  /** The rule's name, one of `accessRules`. */
  readonly rule: AccessRuleName;
  /** How grave it is: an error certainly exposes or breaks something. */
  readonly level: AccessLevel;
  /** What it is about: `public.invoices`, `policy "x" on public.invoices`, `public.total(uuid)`. */
  readonly subject: string;
  /** What was found and why it matters, in a sentence or two. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
  readonly fix?: AccessFix;
}

/** The findings of a database, and how many the config accepts. */
export interface AccessLint {
  readonly findings: readonly AccessFinding[];
  readonly accepted: readonly (AccessFinding & { readonly because: string })[];
}
