import { functionWith, type Mutation } from "../../../packages/pantler/tests/support/mutations.js";

/** Who owns a row of each table that people own. */
const owners: Readonly<Record<string, string>> = {
  organizations: "sales_id = (select current_sales_id())",
  contacts: "sales_id = (select current_sales_id())",
  contactNotes: "sales_id = (select current_sales_id())",
  opportunities: "(select current_sales_id()) in (opportunity_owner_id, account_manager_id)",
  activities: "created_by = (select current_sales_id())",
  tasks: "sales_id = (select current_sales_id())",
  deals: "sales_id = (select current_sales_id())",
  dealNotes: "sales_id = (select current_sales_id())",
};
const owned = Object.keys(owners);
const everybody = "(select current_sales_role()) is not null";

/** What rows of each table refer to that not everybody sees, with the table of it. */
const references = [
  ["contacts", "organization_id", "organizations"],
  ["contactNotes", "contact_id", "contacts"],
  ["opportunities", "customer_organization_id", "organizations"],
  ["opportunities", "principal_organization_id", "organizations"],
  ["opportunities", "distributor_organization_id", "organizations"],
  ["activities", "contact_id", "contacts"],
  ["activities", "organization_id", "organizations"],
  ["activities", "opportunity_id", "opportunities"],
  ["tasks", "contact_id", "contacts"],
  ["tasks", "opportunity_id", "opportunities"],
  ["deals", "organization_id", "organizations"],
  ["dealNotes", "deal_id", "deals"],
] as const;

/** One mutation or more for every check. */
export const mutations: readonly Mutation[] = [
  // init_core
  {
    breaks: "set_updated_at moves",
    sql: functionWith("set_updated_at()", "new.updated_at := now();", ""),
  },

  // sales
  { breaks: "a new user becomes staff", sql: "alter table sales alter role set default 'admin';" },
  {
    breaks: "a new user becomes staff",
    sql: functionWith("sync_sales_from_auth()", "new.raw_user_meta_data ->> 'first_name'", "''"),
  },
  { breaks: "a new user who gives no name", sql: functionWith("sync_sales_from_auth()", "'Pending'", "'?'") },
  {
    breaks: "a changed address",
    sql: functionWith("sync_sales_from_auth()", "set email = new.email", "set email = old.email"),
  },
  {
    breaks: "who was taken off",
    sql: functionWith("sync_sales_from_auth()", "tg_op = 'UPDATE' and old.email is not null", "false"),
  },
  {
    breaks: "a user without an address",
    sql: functionWith("sync_sales_from_auth()", "if new.email is null", "if false"),
  },
  { breaks: "an address is one person's", sql: "alter table sales alter email type text;" },
  { breaks: "an address is one person's", sql: "alter table sales drop constraint sales_email_key;" },
  { breaks: "a user is one person", sql: "alter table sales drop constraint sales_user_id_key;" },
  { breaks: "a role is one of three", sql: "alter table sales drop constraint sales_role_check;" },
  { breaks: "who is an administrator", sql: "alter table sales alter administrator drop expression;" },
  { breaks: "the login of staff", sql: refersWith("sales", "user_id", "auth.users", "cascade") },
  {
    breaks: "a signed-in user has",
    sql: functionWith("current_sales_role()", "select s.role", "select 'account_manager'::text"),
  },
  { breaks: "who is disabled has", sql: functionWith("current_sales_id()", "not s.disabled and", "") },
  { breaks: "who is disabled has", sql: functionWith("current_sales_role()", "not s.disabled and", "") },
  { breaks: "who is deleted has", sql: functionWith("current_sales_id()", "and s.deleted_at is null", "") },
  { breaks: "who is deleted has", sql: functionWith("current_sales_role()", "and s.deleted_at is null", "") },
  { breaks: "an update of staff", sql: "drop trigger sales_90_updated_at on sales;" },

  // organizations
  { breaks: "a segment's name", sql: "drop index segments_name_uq;" },
  { breaks: "a tag's name", sql: "alter table tags drop constraint tags_name_key;" },
  { breaks: "a tag is blue", sql: "alter table tags alter color set default 'red-500';" },
  {
    breaks: "an organization is of unknown type",
    sql: "alter table organizations alter priority set default 'D';",
  },
  {
    breaks: "an organization is of one of six types",
    sql: "alter table organizations drop constraint organizations_organization_type_check;",
  },
  {
    breaks: "an organization's priority",
    sql: "alter table organizations drop constraint organizations_priority_check;",
  },
  {
    breaks: "an organization is not its own parent",
    sql: "alter table organizations drop constraint organizations_not_own_parent_ck;",
  },
  { breaks: "an organization is found", sql: unsearched("organizations") },
  {
    breaks: "rows that refer to an organization",
    sql: refersWith("organizations", "sales_id", "sales", "cascade"),
  },
  { breaks: "the lists of organizations", sql: "drop index organizations_priority_idx;" },

  // contacts
  { breaks: "a contact's name follows", sql: "alter table contacts alter name drop expression;" },
  { breaks: "a contact's name is never", sql: "alter table contacts alter name drop expression;" },
  { breaks: "a contact has empty lists", sql: "alter table contacts alter country drop default;" },
  { breaks: "a contact is first and last seen", sql: "alter table contacts alter last_seen drop default;" },
  { breaks: "a contact is cold", sql: "alter table contacts drop constraint contacts_status_check;" },
  { breaks: "a contact is somebody's", sql: "alter table contacts alter sales_id drop not null;" },
  { breaks: "a contact is found", sql: unsearched("contacts") },
  { breaks: "a note moves", sql: 'drop trigger "contactNotes_50_last_seen" on "contactNotes";' },
  { breaks: "a note of the past", sql: functionWith("see_contact()", "c.last_seen < new.date", "true") },
  {
    breaks: "a contact takes its notes along",
    sql: refersWith("contactNotes", "contact_id", "contacts", "restrict"),
  },
  { breaks: "the lists of contacts", sql: "drop index contacts_search_idx;" },

  // products
  { breaks: "a product is active", sql: "alter table products alter status set default 'seasonal';" },
  { breaks: "a principal has a sku once", sql: "drop index products_principal_sku_uq;" },
  {
    breaks: "the sku of a deleted product",
    sql: `drop index products_principal_sku_uq;
      create unique index products_principal_sku_uq on products (principal_id, sku);`,
  },
  {
    breaks: "the sku of a deleted product",
    sql: `drop index products_principal_sku_uq;
      create unique index products_principal_sku_uq on products (sku) where deleted_at is null;`,
  },
  {
    breaks: "a product's category",
    sql: "alter table products drop constraint products_category_check;",
  },
  {
    breaks: "the nineteen categories",
    sql: "alter table products add constraint fewer check (category <> 'sweeteners');",
  },
  { breaks: "a currency", sql: "alter table products drop constraint products_currency_code_check;" },
  { breaks: "a product's status", sql: "alter table products drop constraint products_status_check;" },
  { breaks: "a product is found", sql: unsearched("products") },
  {
    breaks: "a principal with products",
    sql: refersWith("products", "principal_id", "organizations", "cascade"),
  },
  { breaks: "the lists of products", sql: "drop index products_search_idx;" },

  // opportunities
  {
    breaks: "an opportunity begins",
    sql: "alter table opportunities alter estimated_close_date set default current_date + 60;",
  },
  { breaks: "an opportunity begins", sql: "alter table opportunities alter probability set default 10;" },
  {
    breaks: "the eight stages",
    sql: "alter table opportunities add constraint fewer check (stage <> 'awaiting_response');",
  },
  {
    breaks: "there is no ninth stage",
    sql: "alter table opportunities drop constraint opportunities_stage_check;",
  },
  ...["status", "priority", "category", "lead_source", "win_reason", "loss_reason"].map((column) => ({
    breaks: "a status, a priority",
    sql: `alter table opportunities drop constraint opportunities_${column}_check;`,
  })),
  {
    breaks: "an opportunity is worth no less",
    sql: "alter table opportunities drop constraint opportunities_amount_check;",
  },
  {
    breaks: "an opportunity is worth a million",
    sql: "alter table opportunities drop constraint opportunities_amount_check;",
  },
  {
    breaks: "a probability",
    sql: "alter table opportunities drop constraint opportunities_probability_check;",
  },
  {
    breaks: "a won opportunity",
    sql: "alter table opportunities drop constraint opportunities_won_reason_ck;",
  },
  {
    breaks: "a lost opportunity",
    sql: "alter table opportunities drop constraint opportunities_lost_reason_ck;",
  },
  {
    breaks: "a closed opportunity has a date",
    sql: "alter table opportunities drop constraint opportunities_close_date_ck;",
  },
  {
    breaks: "open stages follow",
    sql: [
      functionWith("move_opportunity()", "or old.stage <> all (closed)", ""),
      functionWith("move_opportunity()", "if new.stage = any (closed)", "if true"),
    ].join("\n"),
  },
  { breaks: "an opportunity that is opened", sql: "drop trigger opportunities_20_move on opportunities;" },
  ...["win_reason", "actual_close_date"].map((column) => ({
    breaks: "an opportunity that is opened",
    sql: functionWith("move_opportunity()", `new.${column} := null;`, ""),
  })),
  {
    breaks: "a closed opportunity is not closed otherwise",
    sql: "drop trigger opportunities_20_move on opportunities;",
  },
  {
    breaks: "a closed opportunity keeps",
    sql: [
      functionWith("move_opportunity()", "if new.stage = any (closed)", "if false"),
      functionWith("move_opportunity()", "new.stage = old.stage or", ""),
    ].join("\n"),
  },
  {
    breaks: "an opportunity has a customer",
    sql: "alter table opportunities alter customer_organization_id drop not null;",
  },
  {
    breaks: "an opportunity has an owner",
    sql: "alter table opportunities alter opportunity_owner_id drop not null;",
  },
  { breaks: "an opportunity is found", sql: unsearched("opportunities") },
  {
    breaks: "what an opportunity refers to",
    sql: refersWith("opportunities", "customer_organization_id", "organizations", "cascade"),
  },
  { breaks: "the lists of opportunities", sql: "drop index opportunities_tags_idx;" },

  // activities and tasks
  {
    breaks: "an activity is with",
    sql: "alter table activities drop constraint activities_with_somebody_ck;",
  },
  {
    breaks: "an interaction belongs",
    sql: "alter table activities drop constraint activities_interaction_ck;",
  },
  { breaks: "an engagement", sql: "alter table activities alter opportunity_id set not null;" },
  { breaks: "an activity is somebody's", sql: "alter table activities alter created_by drop not null;" },
  ...["activity_type", "type", "sentiment"].map((column) => ({
    breaks: "an activity's types",
    sql: `alter table activities drop constraint activities_${column}_check;`,
  })),
  { breaks: "a task is open", sql: "alter table tasks alter priority set default 'low';" },
  { breaks: "a task's type", sql: "alter table tasks drop constraint tasks_type_check;" },
  { breaks: "a completed task says", sql: "drop trigger tasks_20_completed on tasks;" },
  {
    breaks: "a completed task keeps",
    sql: functionWith("set_completed_at()", "coalesce(new.completed_at, now())", "now()"),
  },
  { breaks: "a task that is open again", sql: "drop trigger tasks_20_completed on tasks;" },
  { breaks: "completed_at is set exactly", sql: "alter table tasks drop constraint tasks_completed_at_ck;" },
  {
    breaks: "what an activity or a task",
    sql: refersWith("activities", "opportunity_id", "opportunities", "cascade"),
  },
  { breaks: "the lists of activities", sql: "drop index tasks_due_date_idx;" },

  // deals
  { breaks: "a deal begins", sql: "alter table deals alter stage set default 'delayed';" },
  { breaks: "the six stages", sql: "alter table deals add constraint fewer check (stage <> 'delayed');" },
  { breaks: "there is no seventh", sql: "alter table deals drop constraint deals_stage_check;" },
  { breaks: "a deal is somebody's", sql: "alter table deals alter sales_id drop not null;" },
  { breaks: "an organization takes its deals", sql: refersWith("dealNotes", "deal_id", "deals", "restrict") },
  { breaks: "the lists of deals", sql: "drop index deals_stage_idx;" },

  // role_policies
  ...owned.flatMap((table): Mutation[] => [
    { breaks: "an admin reads and writes", sql: policyWith(table, "select", `using (${owners[table]})`) },
    { breaks: "an admin reads and writes", sql: policyWith(table, "update", `using (${owners[table]})`) },
    { breaks: "an admin reads and writes", sql: policyWith(table, "delete", `using (${owners[table]})`) },
    {
      breaks: "a sales director reads everything",
      sql: policyWith(table, "select", `using (${owners[table]})`),
    },
    {
      breaks: "a sales director reads everything",
      sql: policyWith(table, "update", "using (true) with check (true)"),
    },
    { breaks: "a sales director reads everything", sql: policyWith(table, "delete", "using (true)") },
    {
      breaks: "an account manager reads and writes",
      sql: policyWith(table, "select", `using (${everybody})`),
    },
    {
      breaks: "an account manager reads and writes",
      sql: `alter table "${table}" disable row level security;`,
    },
    { breaks: "an admin adds", sql: policyWith(table, "insert", `with check (${owners[table]})`) },
    { breaks: "a sales director adds", sql: policyWith(table, "insert", "with check (true)") },
    { breaks: "an account manager adds", sql: policyWith(table, "insert", "with check (true)") },
    { breaks: "an account manager adds", sql: policyWith(table, "insert", "with check (false)") },
    {
      breaks: "nobody but an admin hands",
      sql: [
        policyWith(table, "update", "with check (true)"),
        policyWith(table, "select", `using (${everybody})`),
      ].join("\n"),
    },
    { breaks: "who is disabled reaches", sql: policyWith(table, "select", "using (true)") },
  ]),
  {
    breaks: "an opportunity is its account manager's",
    sql: policyWith("opportunities", "select", "using (opportunity_owner_id = (select current_sales_id()))"),
  },
  {
    breaks: "all staff see the principals",
    sql: policyWith("organizations", "select", `using (${owners.organizations})`),
  },
  {
    breaks: "all staff see the principals",
    sql: policyWith("organizations", "select", `using (${everybody})`),
  },
  {
    breaks: "nobody but an admin writes a principal",
    sql: policyWith("organizations", "update", "using (organization_type = 'principal') with check (true)"),
  },
  ...["products", "tags", "segments"].flatMap((table): Mutation[] => [
    { breaks: "an admin keeps products", sql: policyWith(table, "update", "using (false)") },
    { breaks: "an admin keeps products", sql: policyWith(table, "delete", "using (false)") },
    { breaks: "an admin adds products", sql: policyWith(table, "insert", "with check (false)") },
    { breaks: "a sales director reads products", sql: policyWith(table, "delete", `using (${everybody})`) },
    { breaks: "a sales director reads products", sql: policyWith(table, "select", "using (false)") },
    { breaks: "an account manager reads products", sql: policyWith(table, "update", "using (true)") },
    {
      breaks: "nobody but an admin adds products",
      sql: policyWith(table, "insert", `with check (${everybody})`),
    },
  ]),
  { breaks: "who is disabled neither", sql: policyWith("sales", "select", "using (true)") },
  {
    breaks: "all staff see the staff",
    sql: policyWith("sales", "select", "using (id = (select current_sales_id()))"),
  },
  { breaks: "everybody edits", sql: "revoke update (avatar_url) on sales from authenticated;" },
  {
    breaks: "everybody edits",
    sql: policyWith("sales", "update", "using ((select current_sales_role()) = 'admin')"),
  },
  {
    breaks: "nobody but an admin edits the profile",
    sql: policyWith("sales", "update", `using (${everybody}) with check (true)`),
  },
  {
    breaks: "nobody makes themselves",
    sql: policyWith("sales", "update", "with check (id = (select current_sales_id()))"),
  },
  {
    breaks: "nobody but an admin disables",
    sql: policyWith("sales", "update", "with check (id = (select current_sales_id()))"),
  },
  { breaks: "the address of staff", sql: "grant update on sales to authenticated;" },
  {
    breaks: "an admin gives roles",
    sql: policyWith("sales", "update", "using (id = (select current_sales_id()))"),
  },
  { breaks: "an admin adds staff", sql: policyWith("sales", "delete", "using (false)") },
  { breaks: "an admin adds staff", sql: policyWith("sales", "insert", "with check (false)") },
  {
    breaks: "nobody but an admin adds staff",
    sql: policyWith("sales", "insert", `with check (${everybody})`),
  },
  { breaks: "nobody but an admin takes", sql: policyWith("sales", "delete", `using (${everybody})`) },
  ...["organizations", "contacts", "opportunities"].map((table) => ({
    breaks: "who made and who changed",
    sql: `drop trigger ${table}_10_actor on ${table};`,
  })),
  {
    breaks: "who made and who changed",
    sql: functionWith("stamp_actor()", "new.created_by := old.created_by;", "null;"),
  },
  { breaks: "who keeps a product", sql: "drop trigger products_10_actor on products;" },
  { breaks: "who changed a note", sql: 'drop trigger "contactNotes_10_editor" on "contactNotes";' },
  {
    breaks: "an import without",
    sql: functionWith("stamp_actor()", "coalesce(actor, new.created_by)", "actor"),
  },

  // soft_delete
  { breaks: "nobody sees what is archived", sql: policyWith("organizations", "select", "using (true)") },
  { breaks: "nobody sees what is archived", sql: policyWith("contacts", "select", "using (true)") },
  { breaks: "nobody sees what is archived", sql: policyWith("opportunities", "select", "using (true)") },
  {
    breaks: "archiving goes one level",
    sql: functionWith("archive_rules(text)", '{"dealNotes": "deal_id"}', "{}"),
  },
  {
    breaks: "archiving goes one level",
    sql: functionWith("archive_rules(text)", "('products', null, '{}'),", ""),
  },
  {
    breaks: "the children of each table",
    sql: functionWith("archive_rules(text)", ', "tasks": "opportunity_id"', ""),
  },
  {
    breaks: "the children of each table",
    sql: functionWith("archive_rules(text)", '"contactNotes": "contact_id", ', ""),
  },
  {
    breaks: "an owner archives",
    sql: functionWith("archive_rules(text)", "('dealNotes', 'array[sales_id]'", "('dealNotes', null"),
  },
  {
    breaks: "an owner archives",
    sql: functionWith("archive_rules(text)", "('activities', 'array[created_by]'", "('activities', null"),
  },
  ...[
    "nobody but an admin archives what",
    "nobody but an admin archives a product",
    "nobody but an admin archives staff",
    "who is disabled archives",
    "nobody but an admin restores",
  ].map((breaks) => ({
    breaks,
    sql: functionWith("archivable_record(text,bigint,boolean)", "if not all_records and", "if false and"),
  })),
  {
    breaks: "an admin archives and restores",
    sql: functionWith("archivable_record(text,bigint,boolean)", "= 'admin'", "= 'sales_director'"),
  },
  {
    breaks: "an account manager archives",
    sql: functionWith(
      "archive_rules(text)",
      "opportunity_owner_id, account_manager_id",
      "opportunity_owner_id",
    ),
  },
  { breaks: "a server", sql: "revoke execute on function restore_record(text, bigint) from service_role;" },
  {
    breaks: "a server",
    sql: functionWith("archivable_record(text,bigint,boolean)", "not signed_in or", ""),
  },
  {
    breaks: "restoring brings back",
    sql: functionWith("archive_record(text,bigint)", "clock_timestamp()", "now()"),
  },
  {
    breaks: "restoring brings back",
    sql: functionWith("archive_record(text,bigint)", "and deleted_at is null", ""),
  },
  {
    breaks: "what is archived is not archived again",
    sql: functionWith("archive_record(text,bigint)", "table_name, id, true)", "table_name, id, false)"),
  },
  {
    breaks: "what is live is not restored",
    sql: functionWith("restore_record(text,bigint)", "table_name, id, false)", "table_name, id, true)"),
  },
  {
    breaks: "only the tables",
    sql: functionWith(
      "archive_rules(text)",
      "('products', null, '{}')",
      "('products', null, '{}'), ('tags', null, '{}')",
    ),
  },
  ...["products", ...owned].map((table) => ({
    breaks: "a plain update archives",
    sql: [policyWith(table, "select", "using (true)"), policyWith(table, "update", "with check (true)")].join(
      "\n",
    ),
  })),
  {
    breaks: "a plain update archives",
    sql: `grant update (deleted_at) on sales to authenticated;
      ${policyWith("sales", "select", "using (true)")}
      ${policyWith("sales", "update", "with check (true)")}`,
  },
  {
    breaks: "what decides who may archive",
    sql: "grant execute on function archivable_record(text, bigint, boolean) to authenticated;",
  },

  // audit_trail
  { breaks: "a change is logged", sql: "drop trigger organizations_70_audit on organizations;" },
  {
    breaks: "a change is logged",
    sql: functionWith("audit.log_changes()", "becomes.value, actor", "becomes.value, null"),
  },
  { breaks: "contacts and opportunities", sql: "drop trigger contacts_70_audit on contacts;" },
  { breaks: "contacts and opportunities", sql: "drop trigger opportunities_70_audit on opportunities;" },
  {
    breaks: "a new row is logged",
    sql: functionWith("audit.log_changes()", "if tg_op <> 'DELETE'", "if tg_op = 'UPDATE'"),
  },
  {
    breaks: "a deleted row is logged",
    sql: functionWith("audit.log_changes()", "if tg_op <> 'INSERT'", "if tg_op = 'UPDATE'"),
  },
  { breaks: "what is stamped", sql: functionWith("audit.log_changes()", " || tg_argv", "") },
  { breaks: "what is stamped", sql: functionWith("audit.log_changes()", "'updated_by'", "'nothing'") },
  {
    breaks: "an update that changes nothing",
    sql: functionWith("audit.log_changes()", "was.value is distinct from becomes.value", "true"),
  },
  ...["an admin reads the log", "a sales director reads the log"].map((breaks) => ({
    breaks,
    sql: "drop policy change_log_select on audit.change_log;",
  })),
  {
    breaks: "an account manager reads no log",
    sql: `alter policy change_log_select on audit.change_log using (${everybody});`,
  },
  {
    breaks: "nobody writes the log",
    sql: `grant insert on audit.change_log to authenticated;
      create policy change_log_insert on audit.change_log for insert to authenticated with check (true);`,
  },
  { breaks: "nobody changes the log", sql: "grant update on audit.change_log to authenticated;" },
  { breaks: "nobody empties the log", sql: "grant delete on audit.change_log to service_role;" },
  {
    breaks: "who changed something is kept",
    sql: `alter table audit.change_log drop constraint change_log_changed_by_fkey,
      add constraint change_log_changed_by_fkey foreign key (changed_by) references sales on delete set null;`,
  },

  // add_test_users_metadata
  {
    breaks: "a test user begins",
    sql: `alter table test_user_metadata alter test_data_counts set default '{"contacts": 0}';`,
  },
  {
    breaks: "a user is a test user once",
    sql: "alter table test_user_metadata drop constraint test_user_metadata_user_id_key;",
  },
  {
    breaks: "a test user's role",
    sql: "alter table test_user_metadata drop constraint test_user_metadata_role_check;",
  },
  {
    breaks: "a deleted user",
    sql: refersWith("test_user_metadata", "user_id", "auth.users", "restrict"),
  },
  { breaks: "all staff read who", sql: "revoke select on test_user_metadata from authenticated;" },
  { breaks: "who is disabled does not", sql: policyWith("test_user_metadata", "select", "using (true)") },
  {
    breaks: "no staff writes",
    sql: `grant insert on test_user_metadata to authenticated;
      create policy test_user_metadata_insert on test_user_metadata for insert to authenticated with check (true);`,
  },
  { breaks: "the service key writes", sql: "revoke update on test_user_metadata from service_role;" },
  { breaks: "test users are found", sql: "drop index idx_test_user_metadata_role;" },

  // retention
  ...[
    "what was archived for thirty days",
    "what moved to the archive",
    "the archive keeps",
    "it is said how many",
    "the service key runs",
  ].map((breaks) => ({
    breaks,
    sql: functionWith("archive_expired(interval)", "r.deleted_at <= $1", "r.deleted_at > $1"),
  })),
  {
    breaks: "what was archived for thirty days",
    sql: functionWith("archive_expired(interval)", "exit when n = 0;", "exit;"),
  },
  {
    breaks: "what was archived for thirty days",
    sql: functionWith("archive_expired(interval)", "'activities', 'tasks', ", "'tasks', "),
  },
  {
    breaks: "the archive keeps",
    sql: functionWith(
      "archive_expired(interval)",
      "to_jsonb(r) as payload",
      "jsonb_build_object() as payload",
    ),
  },
  {
    breaks: "what was archived for less",
    sql: functionWith("archive_expired(interval)", "now() - retention", "now()"),
  },
  {
    breaks: "the retention can be",
    sql: functionWith("archive_expired(interval)", "now() - retention", "now() - interval '30 days'"),
  },
  {
    breaks: "what a live row refers to",
    sql: [
      refersWith("tasks", "contact_id", "contacts", "cascade"),
      functionWith(
        "archive_expired(interval)",
        "'and not exists (select from %s child where child.%I = r.id)'",
        "''",
      ),
    ].join("\n"),
  },
  ...["public.opportunities o", "public.deals d"].map((table) => ({
    breaks: "a contact that a live",
    sql: functionWith(
      "archive_expired(interval)",
      `select from ${table} where`,
      `select from ${table} where false and`,
    ),
  })),
  {
    breaks: "staff that nothing refers to",
    sql: functionWith("archive_expired(interval)", "'organizations', 'sales'", "'organizations'"),
  },
  {
    breaks: "a retention is no time to come",
    sql: functionWith("archive_expired(interval)", "or retention < interval '0'", ""),
  },
  {
    breaks: "a retention is a time",
    sql: functionWith("archive_expired(interval)", "if retention is null or", "if"),
  },
  {
    breaks: "nobody signed in runs",
    sql: "grant execute on function archive_expired(interval) to authenticated;",
  },
  {
    breaks: "nobody signed in reads the archive",
    sql: "grant usage on schema archive to authenticated; grant select on archive.records to authenticated;",
  },

  // references_in_sight
  ...references.flatMap(([table, column, target]): Mutation[] => [
    { breaks: "an account manager adds nothing", sql: unseeing(table, column) },
    { breaks: "what is hidden and what is not there", sql: unseeing(table, column) },
    {
      breaks: "an account manager adds to what is theirs",
      sql: policyWith(table, "insert", `with check (${owners[table]} and ${column} is null)`),
    },
    {
      breaks: "a sales director adds to whatever",
      sql: policyWith(table, "insert", `with check (${owners[table]} and ${ownersOwn(column, target)})`),
    },
    {
      breaks: "an admin refers",
      sql: policyWith(table, "insert", `with check (${seeing(table, column, target)})`),
    },
    {
      breaks: "an account manager moves nothing",
      sql: `drop trigger "${table}_30_${column.replace(/_id$/, "")}_in_sight" on "${table}";`,
    },
    {
      breaks: "what is one's own stays",
      sql: policyWith(table, "update", `with check (${owners[table]} and ${seeing(table, column, target)})`),
    },
  ]),
  ...["contacts", "tasks", "deals"].map((table) => {
    const [, column, target] = references.find(([name]) => name === table) ?? references[0];
    return {
      breaks: "what refers to nothing",
      sql: policyWith(table, "insert", `with check (${owners[table]} and ${seeing(table, column, target)})`),
    };
  }),
  {
    breaks: "a principal is anybody's",
    sql: policyWith(
      "opportunities",
      "insert",
      `with check (${owners.opportunities} and ${ownersOwn("principal_organization_id", "organizations")})`,
    ),
  },
  {
    breaks: "a principal is anybody's",
    sql: policyWith("organizations", "select", `using (${owners.organizations})`),
  },
  {
    breaks: "what is archived is out",
    sql: policyWith("deals", "select", `using (${owners.deals})`),
  },
  ...["an admin refers", "the service key is held"].map((breaks) => ({
    breaks,
    sql: functionWith(
      "reference_in_sight()",
      "coalesce(public.current_sales_role(), 'admin') = 'admin'",
      "false",
    ),
  })),
  {
    breaks: "the service key is held",
    sql: functionWith(
      "reference_in_sight()",
      "coalesce(public.current_sales_role(), 'admin')",
      "public.current_sales_role()",
    ),
  },
  {
    breaks: "who was given an opportunity",
    sql: policyWith(
      "activities",
      "insert",
      `with check (${owners.activities} and ${seeing("activities", "organization_id", "organizations")})`,
    ),
  },
  { breaks: "a note moves no contact", sql: unseeing("contactNotes", "contact_id") },

  // smoke
  {
    breaks: "a new user reads",
    sql: [
      policyWith("organizations", "select", "using (id in (select c.organization_id from contacts c))"),
      policyWith("contacts", "select", "using (organization_id in (select o.id from organizations o))"),
    ].join("\n"),
  },
  { breaks: "anon reaches no table", sql: "grant select (name) on contacts to anon;" },
  { breaks: "anon reaches no table", sql: 'grant truncate on "dealNotes" to anon;' },
  { breaks: "neither anon nor", sql: "grant usage on sequence contacts_id_seq to authenticated;" },
  { breaks: "anon calls", sql: "grant execute on function archive_record(text, bigint) to public;" },
  { breaks: "anon calls", sql: "create function left_open() returns integer return 1;" },
  {
    breaks: "signed-in users call",
    sql: "grant execute on function archive_expired(interval) to authenticated;",
  },
  { breaks: "every function pins", sql: "alter function see_contact() reset all;" },
  { breaks: "every table has row security", sql: "create table bare (id integer);" },
  { breaks: "signed-in users neither", sql: "grant truncate on tags to authenticated;" },
  {
    breaks: "policies ask",
    sql: policyWith("tasks", "select", "using (sales_id = current_sales_id())"),
  },
  { breaks: "every foreign key", sql: "drop index contacts_updated_by_idx;" },
  {
    breaks: "every foreign key",
    sql: `drop index tasks_contact_idx;
      create index tasks_contact_idx on tasks (contact_id) where deleted_at is null;`,
  },
  { breaks: "every table that says", sql: 'drop trigger "dealNotes_90_updated_at" on "dealNotes";' },
  { breaks: "every table that says", sql: "alter table tags disable trigger tags_90_updated_at;" },
  {
    breaks: "every index is valid",
    sql: `create table split (id integer) partition by range (id);
      create table split_low partition of split for values from (0) to (9);
      create index split_idx on only split (id);`,
  },
];

function policyWith(table: string, command: string, change: string): string {
  return `alter policy "${table}_${command}" on "${table}" ${change};`;
}

/** A policy for new rows that no longer looks at one of their references. */
function unseeing(table: string, column: string): string {
  return `do $mutate$
    declare
      looks constant text := format('.id = %I.%I', '${table}', '${column}');
      definition constant text := (select with_check from pg_policies where policyname = '${table}_insert');
    begin
      if position(looks in definition) = 0 then
        raise exception 'nothing to replace in: %', definition;
      end if;
      execute format('alter policy %I on %I with check (%s)', '${table}_insert', '${table}',
        replace(definition, looks, '.id is not null'));
    end
    $mutate$;`;
}

function seeing(table: string, column: string, target: string): string {
  return `exists (select from ${target} seen where seen.id = "${table}".${column})`;
}

/** That a reference leads to nothing but what is the caller's own. */
function ownersOwn(column: string, target: string): string {
  return `(${column} is null or ${column} in (select own.id from ${target} own where ${owners[target]}))`;
}

/** A foreign key that does something else when the row it refers to is deleted. */
function refersWith(table: string, column: string, target: string, action: string): string {
  const name = `"${table}_${column}_fkey"`;
  return `alter table "${table}" drop constraint ${name},
    add constraint ${name} foreign key (${column}) references ${target} on delete ${action};`;
}

function unsearched(table: string): string {
  return `alter table ${table} alter search_tsv drop expression;`;
}
