import { functionWith, type Mutation } from "../../../packages/pantler/tests/support/mutations.js";

/** The tables whose rows people own and write. */
const owned = ["customers", "quotes", "jobs", "invoices"];
const administered = [...owned, "subscription_plans", "user_subscriptions"];
const mine = "user_id = (select auth.uid())";

/** One mutation or more for every check. */
export const mutations: readonly Mutation[] = [
  // init_core
  { breaks: "set_updated_at moves", sql: functionWith("set_updated_at()", "new.updated_at := now();", "") },

  // user_roles
  { breaks: "a role is one of two", sql: without("user_roles", "user_roles_role_check") },
  {
    breaks: "both roles",
    sql: "alter table user_roles add constraint fewer check (role <> 'admin') not valid;",
  },
  {
    breaks: "both roles",
    sql: "alter table user_roles drop constraint user_roles_pkey, add primary key (user_id);",
  },
  { breaks: "a role is had once", sql: without("user_roles", "user_roles_pkey") },
  { breaks: "a role says", sql: "alter table user_roles alter granted_at set default '2000-01-01';" },
  { breaks: "roles go with", sql: refersWith("user_roles", "user_id", "auth.users", "restrict") },

  // customers
  { breaks: "a customer needs no more", sql: "alter table customers alter phone set default '5550100100';" },
  { breaks: "a customer is somebody's", sql: "alter table customers alter user_id drop not null;" },
  ...[
    ...["first_name", "last_name", "email", "phone", "company_name", "address_street", "address_city"],
    ...["address_state", "address_zip", "notes", "stripe_customer_id"],
  ].flatMap((column): Mutation[] => [
    { breaks: "a customer is refused", sql: without("customers", `customers_${column}_check`) },
    {
      breaks: "a customer is taken",
      sql: `alter table customers add constraint shorter check (char_length(${column}) < 10) not valid;`,
    },
  ]),
  {
    breaks: "a customer is refused",
    sql: `alter table customers drop constraint customers_first_name_check;
      alter table customers add check (char_length(first_name) between 1 and 100);`,
  },
  { breaks: "a company has an address once", sql: "drop index customers_user_id_email_uq;" },
  {
    breaks: "a company has an address once",
    sql: `drop index customers_user_id_email_uq;
      create unique index customers_user_id_email_uq on customers (user_id, email);`,
  },
  {
    breaks: "two companies have the same customer",
    sql: "create unique index across on customers (lower(email));",
  },
  {
    breaks: "two companies have the same customer",
    sql: "create unique index nameless on customers (user_id, lower(email)) nulls not distinct where first_name = 'Check';",
  },
  {
    breaks: "a company that has customers",
    sql: refersWith("customers", "user_id", "auth.users", "cascade"),
  },
  { breaks: "the lists of customers", sql: "drop index idx_customers_user_id;" },

  // quotes and invoices, in what they have in common
  ...["quote", "invoice"].flatMap((kind): Mutation[] => {
    const table = `${kind}s`;
    const a = kind === "quote" ? "a quote" : "an invoice";
    return [
      { breaks: `${a} is a draft`, sql: `alter table ${table} alter status set default 'sent';` },
      { breaks: `${a} is a draft`, sql: `alter table ${table} alter tax_cents set default 1;` },
      ...["subtotal", "tax_amount", "total_amount"].map((column) => ({
        breaks: `the amounts of ${a}`,
        sql: `alter table ${table} alter ${column} drop expression;`,
      })),
      { breaks: `${a}'s total`, sql: without(table, `${table}_total_ck`) },
      ...[`${kind}_number`, "title", "description", "subtotal_cents", "tax_cents", "status"].map(
        (column) => ({ breaks: `${a} is refused`, sql: without(table, `${table}_${column}_check`) }),
      ),
      { breaks: `a company gives ${a} number`, sql: without(table, `${table}_user_id_${kind}_number_uq`) },
      {
        breaks: `two companies give the same ${kind} number`,
        sql: `create unique index across on ${table} (${kind}_number);`,
      },
      { breaks: `the lists of ${table}`, sql: `drop index ${table}_user_id_status_idx;` },
      { breaks: `the lists of ${table}`, sql: `drop index ${table}_customer_id_idx;` },
    ];
  }),
  {
    breaks: "the five states of a quote",
    sql: "alter table quotes add constraint fewer check (status <> 'expired') not valid;",
  },
  {
    breaks: "a customer takes its quotes",
    sql: refersWith("quotes", "customer_id", "customers", "restrict"),
  },
  { breaks: "a customer takes its quotes", sql: refersWith("quotes", "user_id", "auth.users", "cascade") },

  // jobs
  { breaks: "a job is pending", sql: "alter table jobs alter status set default 'in_progress';" },
  { breaks: "a job is pending", sql: "alter table jobs alter scheduled_date set default now();" },
  ...["title", "description", "status", "estimated_hours", "actual_hours", "notes"].map((column) => ({
    breaks: "a job is refused",
    sql: without("jobs", `jobs_${column}_check`),
  })),
  {
    breaks: "the four states of a job",
    sql: "alter table jobs add constraint fewer check (status <> 'cancelled') not valid;",
  },
  { breaks: "a job outlives", sql: refersWith("jobs", "quote_id", "quotes", "cascade") },
  { breaks: "a customer takes its jobs", sql: refersWith("jobs", "customer_id", "customers", "restrict") },
  { breaks: "a customer takes its jobs", sql: refersWith("jobs", "user_id", "auth.users", "set null") },
  ...["idx_jobs_customer_id", "idx_jobs_status", "jobs_quote_id_idx"].map((index) => ({
    breaks: "the lists of jobs",
    sql: `drop index ${index};`,
  })),
  {
    breaks: "the jobs of a company",
    sql: "drop index idx_jobs_status; create index idx_jobs_status on jobs (status);",
  },

  // invoices
  {
    breaks: "an invoice is refused",
    sql: without("invoices", "invoices_stripe_payment_intent_id_check"),
  },
  {
    breaks: "the six states of an invoice",
    sql: "alter table invoices add constraint fewer check (status <> 'partially_paid') not valid;",
  },
  { breaks: "what is paid says", sql: without("invoices", "invoices_paid_date_ck") },
  {
    breaks: "what is paid says",
    sql: `alter table invoices drop constraint invoices_paid_date_ck,
      add constraint invoices_paid_date_ck check (status = 'paid' or paid_date is null);`,
  },
  {
    breaks: "what is not paid has",
    sql: `alter table invoices drop constraint invoices_paid_date_ck,
      add constraint invoices_paid_date_ck check (status <> 'paid' or paid_date is not null);`,
  },
  {
    breaks: "a customer with an invoice",
    sql: refersWith("invoices", "customer_id", "customers", "cascade"),
  },
  { breaks: "an invoice outlives", sql: refersWith("invoices", "quote_id", "quotes", "cascade") },
  { breaks: "the lists of invoices", sql: "drop index invoices_quote_id_idx;" },
  {
    breaks: "I11 every",
    sql: "update invoices set due_date = now() - interval '1 day' where status = 'sent';",
  },

  // subscriptions
  {
    breaks: "a plan is for sale",
    sql: "alter table subscription_plans alter is_active set default false;",
  },
  { breaks: "a plan is for sale", sql: "alter table subscription_plans alter max_invoices set default 5;" },
  { breaks: "a plan is for sale", sql: "alter table subscription_plans alter price_amount drop expression;" },
  ...[
    ...["stripe_price_id", "name", "description", "price_cents", "billing_interval"],
    ...["max_customers", "max_invoices", "max_storage_gb"],
  ].map((column) => ({
    breaks: "a plan is refused",
    sql: without("subscription_plans", `subscription_plans_${column}_check`),
  })),
  {
    breaks: "a plan by the year",
    sql: "alter table subscription_plans add constraint fewer check (price_cents > 0) not valid;",
  },
  {
    breaks: "a price of Stripe",
    sql: without("subscription_plans", "subscription_plans_stripe_price_id_key"),
  },
  {
    breaks: "the five states of a subscription",
    sql: without("user_subscriptions", "user_subscriptions_status_check"),
  },
  {
    breaks: "the five states of a subscription",
    sql: "alter table user_subscriptions add constraint fewer check (status <> 'unpaid') not valid;",
  },
  {
    breaks: "a period has a beginning",
    sql: without("user_subscriptions", "user_subscriptions_period_ck"),
  },
  { breaks: "a period ends after", sql: without("user_subscriptions", "user_subscriptions_period_ck") },
  {
    breaks: "a period of a month",
    sql: "alter table user_subscriptions add constraint shorter check (current_period_end < '2026-10-20') not valid;",
  },
  {
    breaks: "a company has one subscription",
    sql: without("user_subscriptions", "user_subscriptions_user_id_key"),
  },
  {
    breaks: "a subscription of Stripe",
    sql: without("user_subscriptions", "user_subscriptions_stripe_subscription_id_key"),
  },
  {
    breaks: "a plan and a company",
    sql: refersWith("user_subscriptions", "plan_id", "subscription_plans", "cascade"),
  },
  { breaks: "the subscriptions to a plan", sql: "drop index user_subscriptions_plan_id_idx;" },

  // own_data
  ...owned.flatMap((table): Mutation[] => [
    { breaks: "S1 people see", sql: policyWith(table, "select_own", "using (true)") },
    { breaks: "S1 people see", sql: policyWith(table, "select_own", "using (false)") },
    { breaks: "S1 people see", sql: `alter table ${table} disable row level security;` },
    {
      breaks: "S1 people change",
      sql: [
        policyWith(table, "select_own", "using (true)"),
        policyWith(table, "update_own", "using (true) with check (true)"),
      ].join("\n"),
    },
    { breaks: "S1 people change", sql: `revoke update on ${table} from authenticated;` },
    {
      breaks: "S1 people delete",
      sql: [
        policyWith(table, "select_own", "using (true)"),
        policyWith(table, "delete_own", "using (true)"),
      ].join("\n"),
    },
    { breaks: "S1 people delete", sql: policyWith(table, "delete_own", "using (false)") },
    { breaks: "people add rows", sql: policyWith(table, "insert_own", "with check (false)") },
    { breaks: "nobody adds a row", sql: policyWith(table, "insert_own", "with check (true)") },
    {
      breaks: "nobody adds a row",
      sql: [
        policyWith(table, "select_own", "using (true)"),
        policyWith(table, "update_own", "with check (true)"),
      ].join("\n"),
    },
  ]),
  { breaks: "S1 people see", sql: policyWith("user_subscriptions", "select_own", "using (true)") },
  ...["jobs", "invoices"].map((table) => ({
    breaks: "people add rows",
    sql: policyWith(table, "insert_own", `with check (${mine} and quote_id is not null)`),
  })),
  ...["quotes", "jobs", "invoices"].flatMap((table): Mutation[] => [
    { breaks: "S2 nobody", sql: policyWith(table, "insert_own", `with check (${mine})`) },
    { breaks: "S2 nobody", sql: policyWith(table, "update_own", `with check (${mine})`) },
  ]),
  ...["jobs", "invoices"].flatMap((table): Mutation[] =>
    ["insert_own", "update_own"].map((command) => ({
      breaks: "S2 nobody",
      sql: policyWith(
        table,
        command,
        `with check (${mine} and exists (select from customers c where c.id = customer_id and c.${mine}))`,
      ),
    })),
  ),
  { breaks: "what was not there", sql: policyWith("jobs", "insert_own", `with check (${mine})`) },
  { breaks: "people see their own roles", sql: policyWith("user_roles", "select_own", "using (true)") },
  { breaks: "people see their own roles", sql: policyWith("user_roles", "select_own", "using (false)") },
  { breaks: "the server that hears", sql: "revoke insert on user_subscriptions from service_role;" },
  { breaks: "the server that hears", sql: "revoke update on subscription_plans from service_role;" },
  { breaks: "the service key grants", sql: "revoke insert on user_roles from service_role;" },

  // admin_access
  ...administered.flatMap((table): Mutation[] => [
    { breaks: "S3 an admin sees", sql: adminOf(table, "using (false)") },
    { breaks: "S3 an admin changes", sql: adminOf(table, "using (false)") },
    { breaks: "S3 an admin changes", sql: `revoke update on ${table} from authenticated;` },
    { breaks: "S3 an admin adds", sql: adminOf(table, "with check (false)") },
    { breaks: "S3 an admin deletes", sql: `revoke delete on ${table} from authenticated;` },
  ]),
  {
    breaks: "who is no admin any more",
    sql: adminOf("customers", "using ((select auth.jwt() ->> 'email') like 'ada@%')"),
  },
  {
    breaks: "a member is no admin",
    sql: adminOf("customers", "using ((select auth.jwt()) -> 'user_metadata' ->> 'role' = 'admin')"),
  },
  {
    breaks: "a member is no admin",
    sql: adminOf(
      "customers",
      "using (exists (select from user_roles r where r.user_id = (select auth.uid())))",
    ),
  },
  ...["insert", "update", "delete"].map((command) => ({
    breaks: "S5 nobody",
    sql: `grant ${command} on user_roles to authenticated;
      create policy roles_written on user_roles to authenticated using (${mine}) with check (${mine});`,
  })),
  {
    breaks: "an admin grants no roles",
    sql: `grant insert on user_roles to authenticated;
      create policy roles_granted on user_roles for insert to authenticated with check (true);`,
  },
  ...["changes what", "subscribes", "deletes what"].map((what) => ({
    breaks: `S6 nobody ${what}`,
    sql: `create policy mine on user_subscriptions to authenticated using (${mine}) with check (${mine});`,
  })),
  ...["keeps the plans", "adds a plan", "deletes a plan"].map((what) => ({
    breaks: `nobody but an admin ${what}`,
    sql: adminOf("subscription_plans", "using (true) with check (true)"),
  })),

  // public_plans
  {
    breaks: "S4 a visitor sees the plans",
    sql: "alter policy public_read on subscription_plans using (true);",
  },
  { breaks: "S4 a visitor sees the plans", sql: "revoke select on subscription_plans from anon;" },
  ...["customers", "quotes", "jobs", "invoices", "user_subscriptions", "user_roles"].map((table) => ({
    breaks: "S4 a visitor sees nothing else",
    sql: `grant select on ${table} to anon;`,
  })),
  ...["insert", "update", "delete"].map((command) => ({
    breaks: "S4 a visitor sees nothing else",
    sql: `grant ${command} on subscription_plans to anon;
      create policy written on subscription_plans to anon using (true) with check (true);
      alter table user_subscriptions drop constraint user_subscriptions_plan_id_fkey;`,
  })),
  {
    breaks: "somebody signed in sees the plans",
    sql: "alter policy public_read on subscription_plans to anon;",
  },

  // lookup_indexes and essential_indexes
  ...["customers_name_search_idx", "invoices_stripe_payment_intent_id_idx"].map((index) => ({
    breaks: "what people and Stripe look up",
    sql: `drop index ${index};`,
  })),
  { breaks: "what was changed lately", sql: "drop index jobs_updated_at_idx;" },
  ...["customers_email", "jobs_scheduled_date", "quotes_created_at", "invoices_due_date"].map((name) => ({
    breaks: "the indexes that were built",
    sql: `drop index idx_${name};`,
  })),
  {
    breaks: "the newest quotes",
    sql: "drop index idx_quotes_created_at; create index idx_quotes_created_at on quotes (created_at);",
  },

  // integrity
  { breaks: "I1 every", sql: orphaned("jobs", "customer_id") },
  { breaks: "I2 every", sql: orphaned("quotes", "customer_id") },
  { breaks: "I3 every", sql: orphaned("invoices", "customer_id") },
  { breaks: "I4 every", sql: orphaned("invoices", "quote_id") },
  { breaks: "I5 every", sql: orphaned("jobs", "quote_id") },
  { breaks: "I6 every", sql: orphaned("user_subscriptions", "plan_id") },
  ...[...owned, "user_subscriptions", "user_roles"].map((table) => ({
    breaks: "I7 every",
    sql: orphaned(table, "user_id"),
  })),
  ...["quotes", "jobs", "invoices"].map((table) => ({
    breaks: "I8 every",
    sql: `update ${table} set user_id = (select id from auth.users where email = 'admin@test.local')
      where id = (select id from ${table} limit 1);`,
  })),
  ...["quotes", "invoices"].map((table) => ({
    breaks: "I9 every",
    sql: `${without(table, `${table}_total_ck`)} update ${table} set tax_cents = tax_cents + 1;`,
  })),
  {
    breaks: "I10 every",
    sql: `${without("invoices", "invoices_paid_date_ck")} update invoices set paid_date = null;`,
  },
  {
    breaks: "I10 every",
    sql: `${without("invoices", "invoices_paid_date_ck")} update invoices set paid_date = now();`,
  },

  // smoke
  {
    breaks: "a new user reads",
    sql: policyWith(
      "user_roles",
      "select_own",
      "using (exists (select from user_roles r where r.role = 'admin'))",
    ),
  },
  { breaks: "anon reads the plans", sql: "grant select (first_name) on customers to anon;" },
  { breaks: "anon reads the plans", sql: "grant update (name) on subscription_plans to anon;" },
  { breaks: "anon reads the plans", sql: "grant truncate on subscription_plans to anon;" },
  {
    breaks: "neither anon nor anybody signed in writes",
    sql: "grant insert (user_id, role) on user_roles to authenticated;",
  },
  { breaks: "neither anon nor anybody signed in reaches", sql: "create sequence left_open;" },
  {
    breaks: "neither anon nor anybody signed in calls",
    sql: "grant execute on function set_updated_at() to authenticated;",
  },
  {
    breaks: "neither anon nor anybody signed in calls",
    sql: "create function left_open() returns integer return 1;",
  },
  { breaks: "every function pins", sql: "alter function set_updated_at() reset all;" },
  { breaks: "every table has row security", sql: "create table bare (id integer);" },
  { breaks: "signed-in users neither", sql: "grant truncate on jobs to authenticated;" },
  { breaks: "policies ask", sql: policyWith("jobs", "select_own", "using (user_id = auth.uid())") },
  {
    breaks: "policies ask",
    sql: adminOf(
      "jobs",
      "using (exists (select from user_roles r where r.user_id = auth.uid() and r.role = 'admin'))",
    ),
  },
  { breaks: "policies name", sql: "alter policy admin_full_access on jobs to public;" },
  { breaks: "every foreign key", sql: "drop index user_subscriptions_plan_id_idx;" },
  {
    breaks: "every foreign key",
    sql: `drop index jobs_quote_id_idx;
      create index jobs_quote_id_idx on jobs (quote_id) where status = 'pending';`,
  },
  { breaks: "every table that says", sql: "drop trigger invoices_90_updated_at on invoices;" },
  {
    breaks: "every table that says",
    sql: "alter table user_subscriptions disable trigger user_subscriptions_90_updated_at;",
  },
  {
    breaks: "every index is valid",
    sql: `create table split (id integer) partition by range (id);
      create table split_low partition of split for values from (0) to (9);
      create index split_idx on only split (id);`,
  },
];

function without(table: string, constraint: string): string {
  return `alter table ${table} drop constraint ${constraint};`;
}

function policyWith(table: string, command: string, change: string): string {
  return `alter policy ${table}_${command} on ${table} ${change};`;
}

function adminOf(table: string, change: string): string {
  return `alter policy admin_full_access on ${table} ${change};`;
}

/** A foreign key that does something else when the row it refers to is deleted. */
function refersWith(table: string, column: string, target: string, action: string): string {
  const name = `${table}_${column}_fkey`;
  return `alter table ${table} drop constraint ${name},
    add constraint ${name} foreign key (${column}) references ${target} on delete ${action};`;
}

/** Some row that refers to one that is not there. */
function orphaned(table: string, column: string): string {
  return `${without(table, `${table}_${column}_fkey`)}
    update ${table} set ${column} = gen_random_uuid() where ctid = (select ctid from ${table} limit 1);`;
}
