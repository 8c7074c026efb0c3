import type { LintRule } from "./finding.js";

/**
 * How much a rule of squawk's asks of the table: `locks` matter as much as the table has rows, `clients` are broken whatever
 * it holds, `always` is about the text alone. The first two mean nothing for a table that the same files make.
 */
export type SquawkScope = "locks" | "clients" | "always";

interface SquawkRule extends LintRule {
  readonly scope: SquawkScope;
}

const warning = { source: "squawk", level: "warning" } as const;
const info = { source: "squawk", level: "info" } as const;

const apart =
  "in a migration of its own, since it cannot run inside a transaction and Pantler then runs that file statement by statement";

/**
 * The rules of squawk 2.66 that mean something here (https://squawkhq.com/docs/rules). Left out are those that Pantler
 * decides itself with the data at hand (dropped tables and columns, added required fields), those that it makes
 * needless (time-outs, robust statements, nested transactions, concurrent builds in a transaction), and those of taste
 * (sizes of integers, text instead of varchar, places of enum values, domains).
 */
export const squawkRules = {
  "adding-field-with-default": {
    ...warning,
    scope: "locks",
    what: "A column is added with a volatile default, or as a generated or an identity column.",
    why: "The whole table is written anew while nobody can read or write it.",
    remedy: "Add the column without a default, fill it in portions, then set the default.",
  },
  "adding-foreign-key-constraint": {
    ...warning,
    scope: "locks",
    what: "A foreign key is added that is checked at once.",
    why: "Both tables take no writes while every row is checked.",
    remedy: "Add it as not valid, and validate it in a later migration.",
  },
  "adding-not-nullable-field": {
    ...warning,
    scope: "locks",
    what: "A column becomes not null.",
    why: "Nobody can read or write the table while every row is looked at.",
    remedy:
      "Add check (… is not null) not valid, validate it in a later migration, then set not null, which takes the check's word, and drop the check.",
  },
  "adding-serial-primary-key-field": {
    ...warning,
    scope: "locks",
    what: "A primary key is added.",
    why: "Nobody can read or write the table while its index is built.",
    remedy: `create unique index concurrently, ${apart}; then add constraint … primary key using index.`,
  },
  "ban-char-field": {
    ...info,
    scope: "always",
    what: "A column of type char.",
    why: "Values are padded with blanks, which comparisons treat in surprising ways.",
    remedy: "Use text, with a check of its length.",
  },
  "ban-drop-database": {
    ...warning,
    scope: "always",
    what: "A database is dropped.",
    why: "It cannot be taken back.",
    remedy: "Do it by hand.",
  },
  "ban-drop-not-null": {
    ...info,
    scope: "clients",
    what: "A column may become null.",
    why: "A program that relies on a value meets none.",
    remedy: "Change the programs first.",
  },
  "ban-truncate-cascade": {
    ...warning,
    scope: "always",
    what: "Truncate with cascade.",
    why: "Every table that refers to this one is emptied too, in silence.",
    remedy: "Name the tables.",
  },
  "changing-column-type": {
    ...warning,
    scope: "locks",
    what: "A column changes its type.",
    why: "The whole table is written anew while nobody can read or write it.",
    remedy: "Add a new column, fill it in portions, and let the programs change over.",
  },
  "constraint-missing-not-valid": {
    ...warning,
    scope: "locks",
    what: "A check is added and checked at once, or validated in the transaction that adds it.",
    why: "Nobody can write the table while every row is checked.",
    remedy: "Add it as not valid, and validate it in a later migration.",
  },
  "disallowed-unique-constraint": {
    ...warning,
    scope: "locks",
    what: "A unique constraint is added.",
    why: "Nobody can read or write the table while its index is built.",
    remedy: `create unique index concurrently, ${apart}; then add constraint … unique using index.`,
  },
  "identifier-too-long": {
    ...warning,
    scope: "always",
    what: "A name of more than 63 bytes.",
    why: "Postgres cuts it, and two such names may become one.",
    remedy: "Shorten it.",
  },
  "prefer-identity": {
    ...info,
    scope: "always",
    what: "A serial column.",
    why: "Its sequence has rights and an owner of its own.",
    remedy: "Use generated always as identity.",
  },
  "prefer-timestamp-tz": {
    ...info,
    scope: "always",
    what: "A column of type timestamp without time zone.",
    why: "Two moments that are hours apart may be stored as the same.",
    remedy: "Use timestamptz.",
  },
  "renaming-column": {
    ...warning,
    scope: "clients",
    what: "A column is renamed.",
    why: "Programs that run while it is deployed, and old ones, still use the old name.",
    remedy: "Add a new column, let the programs change over, then drop the old one.",
  },
  "renaming-table": {
    ...warning,
    scope: "clients",
    what: "A table is renamed.",
    why: "Programs that run while it is deployed, and old ones, still use the old name.",
    remedy: "Leave a view of the old name behind.",
  },
  "require-concurrent-index-creation": {
    ...warning,
    scope: "locks",
    what: "An index is built without concurrently.",
    why: "Nobody can write the table until it is built.",
    remedy: `create index concurrently, ${apart}.`,
  },
  "require-concurrent-index-deletion": {
    ...warning,
    scope: "locks",
    what: "An index is dropped without concurrently.",
    why: "The table is locked until the transaction ends.",
    remedy: `drop index concurrently, ${apart}.`,
  },
  "require-concurrent-partition-detach": {
    ...warning,
    scope: "locks",
    what: "A partition is detached without concurrently.",
    why: "The whole table is locked until the transaction ends.",
    remedy: `detach partition … concurrently, ${apart}.`,
  },
  "require-concurrent-reindex": {
    ...warning,
    scope: "locks",
    what: "Reindex without concurrently.",
    why: "Nobody can write the table, nor use the index, until it is built.",
    remedy: `reindex … concurrently, ${apart}.`,
  },
} as const satisfies Readonly<Record<string, SquawkRule>>;

/** A rule of squawk's, where it is one of those that mean something here. */
export function squawkRule(name: string): SquawkRule | undefined {
  return (squawkRules as Readonly<Record<string, SquawkRule>>)[name];
}
