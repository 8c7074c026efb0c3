import type { LintRule } from "./finding.js";
import { squawkRules } from "./squawk-rules.js";

const level = { error: "error", warning: "warning", info: "info" } as const;
const own = { source: "pantler" } as const;

/** What Pantler finds itself. */
const ownRules = {
  "file-unreadable": {
    ...own,
    level: level.error,
    what: "A file cannot be read, or is not UTF-8 text.",
    why: "What cannot be read cannot be judged or run.",
    remedy: "Check that the file is there, that you may read it, and that it is saved as UTF-8.",
  },
  syntax: {
    ...own,
    level: level.error,
    what: "Postgres' parser refuses a statement.",
    why: "The server would refuse it too.",
    remedy: "Mend the statement.",
  },
  "cannot-run": {
    ...own,
    level: level.error,
    what: "A statement that no migration may hold: rollback, prepare transaction, discard all, copy from stdin, a command of psql.",
    why: "All pending files share one session and one transaction, and psql's commands are no SQL.",
    remedy: "Take it out, or write it as the message says.",
  },
  unchecked: {
    ...own,
    level: level.warning,
    what: "A question could not be put to the environment.",
    why: "Without an answer the migration may break on the data.",
    remedy:
      "Lint as a role that may read the table and is not held back by its policies, or when it is not locked.",
  },
  "suppression-without-reason": {
    ...own,
    level: level.error,
    what: "A pantler:ignore comment gives no reason.",
    why: "Whoever reads it next year cannot tell whether it still holds.",
    remedy: "Write the reason after the rule's name.",
  },
  "suppression-unknown-rule": {
    ...own,
    level: level.warning,
    what: "A pantler:ignore comment names a rule that does not exist.",
    why: "It suppresses nothing.",
    remedy: "Use a name from the list of rules.",
  },
  "table-without-row-security": {
    ...own,
    level: level.error,
    what: "A new table in a schema that the API serves has no row security.",
    why: "Whoever has the public API key reads and writes all of it.",
    remedy: "alter table … enable row level security, and add the policies.",
  },
  "row-security-disabled": {
    ...own,
    level: level.error,
    what: "Row security is switched off on a table that the API serves.",
    why: "Its policies no longer hold: every API user reads and writes all of it.",
    remedy: "Leave it on; change the policies, or work as a role with bypassrls.",
  },
  "row-security-without-policy": {
    ...own,
    level: level.warning,
    what: "A new table has row security and no policy.",
    why: "Nobody but the service role and the owner sees or writes a row.",
    remedy: "Add the policies; if nobody is meant to, say so in a pantler:ignore comment.",
  },
  "policy-without-row-security": {
    ...own,
    level: level.error,
    what: "A policy on a table whose row security is off.",
    why: "The policy does nothing: the table is open to everybody with a grant.",
    remedy: "alter table … enable row level security.",
  },
  "policy-before-column": {
    ...own,
    level: level.error,
    what: "A policy names a column that its table does not have at that point.",
    why: "The server refuses the policy and with it the migration.",
    remedy: "Add the column before the policy, or mend its name.",
  },
  "policy-without-index": {
    ...own,
    level: level.warning,
    what: "A policy compares a column that no index begins with when the policy is made.",
    why: "Every query of an API user then reads the whole table.",
    remedy: "create index … on the column, before the policy.",
  },
  "policy-function-per-row": {
    ...own,
    level: level.warning,
    what: "A policy calls auth.uid(), auth.jwt(), auth.role(), auth.email() or current_setting() outside of a select of its own.",
    why: "It is called once for each row instead of once for each query.",
    remedy: "Write (select auth.uid()).",
  },
  "definer-without-search-path": {
    ...own,
    level: level.warning,
    what: "A security definer function does not pin its search_path.",
    why: "A caller can put an object of the same name in front and have it run with the owner's rights.",
    remedy: "Add set search_path = '' and qualify the names in the body.",
  },
  "view-without-security-invoker": {
    ...own,
    level: level.error,
    what: "A view that the API serves reads tables with row security as its owner.",
    why: "The policies of the tables do not hold for who reads the view.",
    remedy: "create view … with (security_invoker = true).",
  },
  "materialized-view-exposed": {
    ...own,
    level: level.error,
    what: "A materialized view that the API serves copies tables with row security.",
    why: "A materialized view has no row security: everybody with a grant reads everybody's rows.",
    remedy: "Put it into a schema that the API does not serve, or revoke it from anon and authenticated.",
  },
  "grant-to-anon": {
    ...own,
    level: level.warning,
    what: "Something is granted to anon or to public.",
    why: "Whoever finds the public API key may use it without signing in.",
    remedy: "Grant to authenticated; if it is meant for everybody, say so in a pantler:ignore comment.",
  },
  "foreign-key-without-index": {
    ...own,
    level: level.warning,
    what: "No index begins with the columns of a foreign key.",
    why: "Every delete or key change in the referenced table reads this whole table, and so do joins along the key.",
    remedy: "create index … on the foreign key's columns.",
  },
  "missing-updated-at": {
    ...own,
    level: level.info,
    what: "A new table has no column updated_at.",
    why: "Nobody can tell later when a row was changed, nor sync what changed since.",
    remedy: "Add updated_at timestamptz not null default now() and the trigger that keeps it.",
  },
  "drop-loses-data": {
    ...own,
    level: level.error,
    what: "A table or a column is dropped that holds, or may hold, data.",
    why: "The data is gone, and a rollback script cannot bring it back.",
    remedy: "Copy what is needed first; then say in a pantler:ignore comment why the rest may go.",
  },
  "drop-cascade": {
    ...own,
    level: level.warning,
    what: "Something that was there before is dropped with cascade.",
    why: "Whatever depends on it goes too, in silence.",
    remedy: "Drop what depends on it by name.",
  },
  "empties-table": {
    ...own,
    level: level.error,
    what: "A table that holds, or may hold, rows is emptied: truncate, or delete without where.",
    why: "The rows are gone, and a rollback script cannot bring them back.",
    remedy: "Narrow it with where; or say in a pantler:ignore comment why they may go.",
  },
  "type-change-loses-data": {
    ...own,
    level: level.error,
    what: "A column gets a type that does not hold, or may not hold, all of its values.",
    why: "Values are cut, rounded or refused.",
    remedy: "Choose a type into which every value fits, or mend the values first.",
  },
  "not-null-breaks": {
    ...own,
    level: level.error,
    what: "A column becomes not null while rows have no value in it.",
    why: "The server refuses the statement and with it the migration.",
    remedy: "Fill the column first, or give it a default.",
  },
  "unique-breaks": {
    ...own,
    level: level.error,
    what: "A unique index, a unique constraint or a primary key on columns in which rows agree.",
    why: "The server refuses the statement and with it the migration.",
    remedy: "Mend the duplicates first, in an earlier statement.",
  },
  "check-breaks": {
    ...own,
    level: level.error,
    what: "A check constraint that rows do not fulfil.",
    why: "The server refuses the statement and with it the migration.",
    remedy: "Mend the rows first; or add it as not valid, which holds for new rows only.",
  },
  "foreign-key-breaks": {
    ...own,
    level: level.error,
    what: "A foreign key that points nowhere in some rows.",
    why: "The server refuses the statement and with it the migration.",
    remedy: "Mend the rows first; or add it as not valid, which holds for new rows only.",
  },
  "enum-value-used-early": {
    ...own,
    level: level.error,
    what: "A value of an enum is used in the file that adds it.",
    why: "A file is one transaction, and the server refuses a new value until it is committed (55P04).",
    remedy: "Use it in a migration of its own, after this one.",
  },
  "keeps-everybody-out": {
    ...own,
    level: level.warning,
    what: "vacuum full, cluster, refresh without concurrently, an exclusion constraint, or a change of a table's storage.",
    why: "Nobody can read or write the table until it is written anew.",
    remedy: "Do it when nobody needs the table, in a migration of its own.",
  },
  "triggers-disabled": {
    ...own,
    level: level.warning,
    what: "All triggers of a table are switched off.",
    why: "What they keep in order is not kept, and nothing switches them on again by itself.",
    remedy: "Switch off one by its name, and on again in the same file.",
  },
  "rollback-missing": {
    ...own,
    level: level.warning,
    what: "A migration has no rollback script, or one that holds no statement.",
    why: "If something goes wrong after the deployment the way back is a whole restore.",
    remedy: "Write it; pantler migration rehearse proves it.",
  },
  "rollback-unprovable": {
    ...own,
    level: level.info,
    what: "A migration takes data away, which its rollback script can give the shape of and no more.",
    why: "After a rollback the rows differ from before: only a backup has them.",
    remedy: "Keep the data in another table until the migration has stood its test.",
  },
  "squawk-missing": {
    ...own,
    level: level.info,
    what: "The program squawk is not there or does not run, so that its rules were not asked.",
    why: "It comes in an optional package that not every platform has.",
    remedy: "npm install without --omit=optional.",
  },
} as const satisfies Readonly<Record<string, LintRule>>;

export type OwnRule = keyof typeof ownRules;

/** Every rule by its name. */
export const lintRules: Readonly<Record<string, LintRule>> = { ...ownRules, ...squawkRules };

export function ownRule(name: OwnRule): LintRule {
  return ownRules[name];
}
