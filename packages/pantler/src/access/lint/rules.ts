export type AccessLevel = "error" | "warning" | "info";

/** What is known of a rule without any database. */
export interface AccessRule {
  /** The gravest level that its findings have. */
  readonly level: AccessLevel;
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
  /** What Supabase's advisors call it, where they know it. */
  readonly advisor?: string;
}

const level = { error: "error", warning: "warning", info: "info" } as const;

const rules = {
  "table-without-row-security": {
    level: level.error,
    advisor: "rls_disabled_in_public",
    what: "A table that the API serves has no row security; a part of a partitioned table counts for itself.",
    why: "Whoever has the public API key uses every row, as far as grants go.",
    remedy: "alter table … enable row level security, and add the policies.",
  },
  "policy-without-row-security": {
    level: level.error,
    advisor: "policy_exists_rls_disabled",
    what: "A table has policies, and its row security is off.",
    why: "The policies do nothing: the table is open to everybody with a grant.",
    remedy: "alter table … enable row level security.",
  },
  "row-security-without-policy": {
    level: level.info,
    advisor: "rls_enabled_no_policy",
    what: "A table has row security, no policy, and grants to the API's roles.",
    why: "Nobody but the service role and the owner sees or writes a row, which may not be meant.",
    remedy: "Add the policies; if nobody is meant to, revoke the grants.",
  },
  "closed-table-granted": {
    level: level.info,
    what: "Every policy of a table is for other roles, and it is granted to those of the API.",
    why: "One careless policy is enough to open it; without the grant it would stay shut.",
    remedy: "revoke all on … from anon, authenticated.",
  },
  "foreign-table-exposed": {
    level: level.error,
    advisor: "foreign_table_in_api",
    what: "The API serves a foreign table.",
    why: "Foreign tables have no row security.",
    remedy: "Revoke the grants, or move it to a schema that the API does not serve.",
  },
  "view-without-security-invoker": {
    level: level.error,
    advisor: "security_definer_view",
    what: "A view reads tables with row security as its owner, itself or through another one.",
    why: "The policies of those tables do not hold for who reads or writes the view. A view that asks who is asking is a warning.",
    remedy: "alter view … set (security_invoker = on).",
  },
  "materialized-view-exposed": {
    level: level.error,
    advisor: "materialized_view_in_api",
    what: "The API serves a materialized view; an error where it copies rows that policies protect.",
    why: "Materialized views have no row security.",
    remedy: "Revoke the grants, and read it through a function or a view that filters.",
  },
  "auth-users-exposed": {
    level: level.error,
    advisor: "auth_users_exposed",
    what: "A view or a function that the API serves reads auth.users with its owner's rights.",
    why: "It holds addresses, telephone numbers, password hashes and tokens of all users.",
    remedy: "Keep what is to be shown in a table of the project's own, filled by a trigger.",
  },
  "sensitive-column-exposed": {
    level: level.error,
    advisor: "sensitive_columns_exposed",
    what: "Everybody can read a column whose name tells of a secret; a warning where only those who sign in can, or where it is an address or a number of a person.",
    why: "Passwords and tokens leave with the first select *.",
    remedy: "revoke select on the table and grant it on the other columns, or move it to a table of its own.",
  },
  "definer-function-exposed": {
    level: level.error,
    advisor: "anon_security_definer_function_executable, authenticated_security_definer_function_executable",
    what: "A security definer function that the API serves works on protected tables and does not ask who calls it.",
    why: "Policies do not hold for it: who may call it sees or changes what it works on. One that answers a single value is a warning.",
    remedy:
      "Make it security invoker; or let it ask auth.uid(); or revoke execute from anon, authenticated and public.",
  },
  "definer-without-search-path": {
    level: level.warning,
    advisor: "function_search_path_mutable",
    what: "A function has no search_path of its own; info where it runs as its caller.",
    why: "Names in it may be made to mean other objects, which then run with its owner's rights.",
    remedy: "alter function … set search_path = '', with the schema before each name in its body.",
  },
  "public-bucket": {
    level: level.warning,
    what: "A bucket of Supabase's storage is public.",
    why: "Its files are sent to everybody who has or guesses the address, whatever the policies say.",
    remedy:
      "Make it private and hand out signed addresses; if it is meant for everybody, accept the finding in the config.",
  },
  "policy-always-true": {
    level: level.error,
    advisor: "rls_policy_always_true",
    what: "A permissive policy is true for every row: an error for changes by anon, a warning for other changes, info for reading.",
    why: "It protects nothing. auth.uid() is not null and auth.role() = 'authenticated' are true of everybody who signs in.",
    remedy: "Compare a column of the row with (select auth.uid()), or drop the policy.",
  },
  "permissive-policies-cancel": {
    level: level.error,
    what: "A permissive policy is always true beside a narrower one for the same role and command.",
    why: "One permissive policy is enough to let a row through: the narrower one keeps nobody out.",
    remedy: "Drop the wide one, or make the narrower one restrictive.",
  },
  "several-permissive-policies": {
    level: level.info,
    advisor: "multiple_permissive_policies",
    what: "Several permissive policies decide one command for one role.",
    why: "Each is worked out for every row, and they are easily read as if all had to hold.",
    remedy: "Join them with or in one policy, if there are many rows.",
  },
  "policy-ignores-caller": {
    level: level.warning,
    what: "A policy lets rows be changed without asking who is asking, or its sub-query has nothing to do with row or caller.",
    why: "What holds for one holds for everybody with the role.",
    remedy: "Compare with (select auth.uid()), or with the row, in the policy.",
  },
  "policy-compares-column-with-itself": {
    level: level.error,
    what: "A policy compares a column with itself.",
    why: "In a sub-query a name without its table means the sub-query's own column, so that the comparison is true of every row.",
    remedy: "Write the table's name before the column in the sub-query.",
  },
  "policy-trusts-user-metadata": {
    level: level.error,
    advisor: "rls_references_user_metadata",
    what: "A policy, or a function that it calls, believes user_metadata.",
    why: "Every user can write it: who says of himself that he is an administrator is one.",
    remedy: "Use app_metadata, which only the service role writes, or a table.",
  },
  "policy-trusts-request": {
    level: level.warning,
    what: "A policy, or a function that it calls, believes a header or a cookie of the request.",
    why: "Whoever sends the request writes them. A secret that only the right ones know may be compared with one.",
    remedy:
      "Use what the token says: auth.uid(), auth.jwt(). If it is a secret, accept the finding in the config.",
  },
  "membership-self-service": {
    level: level.error,
    what: "Policies let in who has a row in a table in which users may make or change their own rows as they like.",
    why: "Whoever makes himself a member is one: of any team, of any company.",
    remedy: "Let members be made by those who may invite, or by a function that checks an invitation.",
  },
  "privilege-column-writable": {
    level: level.error,
    what: "Users may change the column by which policies tell what they may do.",
    why: "Whoever makes himself an administrator is one.",
    remedy: "Revoke update on the column, or keep it in a table that users cannot write.",
  },
  "policy-recursion": {
    level: level.error,
    what: "Policies read each other's tables, or their own, in a circle.",
    why: "Every query under them fails with 42P17.",
    remedy:
      "Ask in a security definer function with a fixed search_path instead, whose reading is not held by policies.",
  },
  "update-gives-away": {
    level: level.warning,
    what: "A policy for update looks at the owner before the change and not after it.",
    why: "An owner can put a row into somebody else's name.",
    remedy: "Leave with check out, so that using holds for both, or name the owner there too.",
  },
  "insert-without-owner": {
    level: level.warning,
    what: "A policy for insert does not compare the owner's column with who is asking.",
    why: "Rows can be made in anybody's name.",
    remedy: "with check (<owner> = (select auth.uid())).",
  },
  "reference-to-hidden-rows": {
    level: level.warning,
    what: "A foreign key of an owned table refers to a protected one, and the policy for insert does not look at it; info for a uuid.",
    why: "Foreign keys are checked without policies: rows can be hung onto other people's, and which exist can be tried.",
    remedy:
      "with check (… and exists (select from <referenced> where id = <key> and <owner> = (select auth.uid()))).",
  },
  "unique-tells-of-hidden-rows": {
    level: level.info,
    what: "A value has to be unique among rows that who writes it cannot all see.",
    why: "The error tells that somebody else has it, for example an address.",
    remedy:
      "Put the owner's column into the unique index, if one owner's values need not differ from another's.",
  },
  "policy-function-per-row": {
    level: level.warning,
    advisor: "auth_rls_initplan",
    what: "A policy calls auth.uid(), current_setting() or another stable function outside of a select of its own.",
    why: "It is worked out for every row instead of once: seconds on large tables.",
    remedy: "Write (select auth.uid()).",
  },
  "policy-function-of-row": {
    level: level.warning,
    what: "A policy calls a function for every row: info where it is given columns of it, a warning where it is only declared volatile.",
    why: "A query inside of it runs as often as there are rows.",
    remedy:
      "Let the policy compare with what a sub-query or (select f()) answers once; declare the function stable.",
  },
  "policy-without-index": {
    level: level.warning,
    what: "A policy compares a column with who is asking, and no index begins with it.",
    why: "Every query of an API user reads the whole table.",
    remedy: "create index on the column.",
  },
  "policy-slow-subquery": {
    level: level.warning,
    what: "A sub-query of a policy looks rows up by columns with which no index begins.",
    why: "All of that table is read, by every query or even for every row.",
    remedy: "create index on one of the columns.",
  },
  "policy-subquery-per-row": {
    level: level.info,
    what: "A sub-query of a policy depends on the row.",
    why: "It is worked out for each row that is looked at.",
    remedy: "Turn it round: <column> in (select … where user_id = (select auth.uid())) is worked out once.",
  },
  "foreign-key-without-index": {
    level: level.warning,
    advisor: "unindexed_foreign_keys",
    what: "No index begins with the columns of a foreign key; info where one leaves rows out.",
    why: "Each delete in the referenced table, and each join from it, reads the whole table.",
    remedy: "create index on the columns.",
  },
  "duplicate-index": {
    level: level.warning,
    advisor: "duplicate_index",
    what: "Two indexes of a table hold the same.",
    why: "Every write keeps both, and both take up memory.",
    remedy: "drop index, of the one that no constraint needs.",
  },
  "no-primary-key": {
    level: level.info,
    advisor: "no_primary_key",
    what: "A table has no primary key.",
    why: "Nothing can name one of its rows.",
    remedy: "alter table … add primary key (…).",
  },
  "extension-in-api-schema": {
    level: level.warning,
    advisor: "extension_in_public",
    what: "An extension is in a schema that the API serves.",
    why: "Its functions can be called through the API.",
    remedy: "alter extension … set schema extensions.",
  },
} as const satisfies Readonly<Record<string, AccessRule>>;

/** The name of a rule for access. */
export type AccessRuleName = keyof typeof rules;

/** What is known of each rule for access, by its name. */
export const accessRules: Readonly<Record<AccessRuleName, AccessRule>> = rules;
