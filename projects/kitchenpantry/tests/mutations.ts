import { functionWith, type Mutation, viewWith } from "../../../packages/pantler/tests/support/mutations.js";

/** One mutation or more for every check: a check that nothing can fail guards nothing. */
export const mutations: readonly Mutation[] = [
  // 000_init_core
  {
    breaks: "A1.1 the six lookups",
    sql: "update opportunities set loss_reason = null; delete from loss_reason_lu;",
  },
  { breaks: "A1.1 a lookup code", sql: "alter table source_lu drop constraint source_lu_code_check;" },
  { breaks: "A1.2 the pack", sql: "alter function set_updated_at() rename to touch;" },
  { breaks: "A1.2 no table", sql: "alter table stage_lu disable row level security;" },
  { breaks: "A1.3", sql: functionWith("set_updated_at()", "new.updated_at := now();", "") },
  { breaks: "A1.3", sql: "drop table loss_reason_lu cascade;" },
  {
    breaks: "A1.4",
    sql: "update pantler.migration_control set status = 'failed' where phase_number = 1;",
  },

  // 010_orgs_contacts
  { breaks: "A2.1 an organization name is unique", sql: "drop index organizations_name_uq;" },
  {
    breaks: "A2.1 an organization name is not blank",
    sql: "alter table organizations drop constraint organizations_name_check;",
  },
  { breaks: "A2.2", sql: "alter table contacts alter organization_id drop not null;" },
  { breaks: "A2.3", sql: "alter table contacts drop constraint contacts_organization_id_fkey;" },
  {
    breaks: "A2.4 the full name follows",
    sql: "alter table contacts alter full_name drop expression;",
  },
  { breaks: "A2.4 the full name is never", sql: "alter table contacts alter full_name drop expression;" },
  { breaks: "A2.5 an organization", sql: "drop index contacts_primary_per_org_uq;" },
  { breaks: "A2.5 an e-mail", sql: "drop index contacts_org_email_uq;" },
  { breaks: "A2.6", sql: "drop trigger trg_org_90_updated_at on organizations;" },
  { breaks: "A2.6", sql: "drop trigger trg_con_90_updated_at on contacts;" },
  {
    breaks: "A2.7",
    sql: "alter table organizations drop constraint organizations_not_own_parent_ck;",
  },

  // 020_products_distribution
  { breaks: "A3.1", sql: "drop index product_distributors_primary_uq;" },
  {
    breaks: "A3.2 the join table",
    sql: "alter table product_distributors alter status set default 'pending';",
  },
  {
    breaks: "A3.2 a link",
    sql: "alter table product_distributors drop constraint product_distributors_pkey;",
  },
  { breaks: "A3.3", sql: "alter table products add primary_distributor_org_id uuid;" },
  {
    breaks: "A3.4",
    sql: "create rule keep as on update to product_distributors where old.is_primary do instead nothing;",
  },
  {
    breaks: "A3.5",
    sql: "alter table product_distributors drop constraint product_distributors_pkey;",
  },
  { breaks: "A3.6", sql: "drop trigger trg_pd_not_own_principal on product_distributors;" },
  { breaks: "A3.7", sql: "drop index products_principal_name_uq;" },
  { breaks: "A3.8", sql: "drop trigger trg_prod_90_updated_at on products;" },
  { breaks: "A3.8", sql: "drop trigger trg_pd_90_updated_at on product_distributors;" },

  // 030_opps_interactions_rules
  {
    breaks: "A4.1 an opportunity without",
    sql: "alter table opportunities drop constraint opportunities_product_or_principal_ck;",
  },
  {
    breaks: "A4.1 an opportunity has",
    sql: functionWith("opp_gate()", "new.principal_org_id := maker;", "return new;"),
  },
  { breaks: "A4.1 the principal", sql: "drop trigger trg_opp_10_gate on opportunities;" },
  { breaks: "A4.2 a new interaction", sql: "drop trigger trg_int_50_sync on interactions;" },
  {
    breaks: "A4.2 stage and status",
    sql: functionWith("sync_opportunity(uuid)", "and i.stage is not null", ""),
  },
  {
    breaks: "A4.2 stage and status",
    sql: functionWith("sync_opportunity(uuid)", "and i.status is not null", ""),
  },
  { breaks: "A4.2 of two", sql: functionWith("sync_opportunity(uuid)", "i.created_at desc, ", "") },
  { breaks: "A4.3 an update of a driver", sql: syncOn("insert or delete") },
  {
    breaks: "A4.3 an update of the date",
    sql: [
      functionWith("int_sync()", "new.interaction_date, ", ""),
      functionWith("int_sync()", "old.interaction_date, ", ""),
    ].join("\n"),
  },
  {
    breaks: "A4.3 a move",
    sql: functionWith("int_sync()", "sync_opportunity(greatest(", "sync_opportunity(least("),
  },
  {
    breaks: "A4.3 an update of notes",
    sql: functionWith("int_sync()", "elsif row(", "elsif false and row("),
  },
  {
    breaks: "A4.3 last_sync_at",
    sql: functionWith("sync_opportunity(uuid)", "if next_stage = current_row.stage", "if false"),
  },
  { breaks: "A4.4 without its latest", sql: syncOn("insert or update") },
  {
    breaks: "A4.4 without any",
    sql: functionWith(
      "sync_opportunity(uuid)",
      "coalesce(next_stage, current_row.stage)",
      "coalesce(next_stage, 'new_lead')",
    ),
  },
  { breaks: "A4.5", sql: functionWith("sync_opportunity(uuid)", "i.interaction_date desc, ", "") },
  {
    breaks: "A4.6 a manual stage",
    sql: functionWith("sync_opportunity(uuid)", "if not current_row.stage_manual", "if true"),
  },
  {
    breaks: "A4.6 a manual status",
    sql: functionWith("sync_opportunity(uuid)", "if not current_row.status_manual", "if true"),
  },
  { breaks: "A4.7", sql: functionWith("int_guard()", "if owns_opportunity", "if false") },
  {
    breaks: "A4.8 the owner of the interaction edits a driver",
    sql: functionWith("int_guard()", "interval '24 hours'", "interval '12 hours'"),
  },
  {
    breaks: "A4.8 the owner of the interaction edits no driver",
    sql: functionWith("int_guard()", "interval '24 hours'", "interval '48 hours'"),
  },
  {
    breaks: "A4.8 the owner of the interaction deletes",
    sql: `create or replace trigger trg_int_20_guard
      before update on interactions for each row execute function int_guard();`,
  },
  {
    breaks: "A4.8 the owner of the interaction edits its notes",
    sql: functionWith("int_guard()", "if row(", "if false and row("),
  },
  {
    breaks: "A4.8 the 24 hours",
    sql: functionWith("int_guard()", "if new.created_at is distinct from old.created_at", "if false"),
  },
  { breaks: "A4.9 a third user", sql: "drop trigger trg_int_20_guard on interactions;" },
  {
    breaks: "A4.9 a third user",
    sql: functionWith("int_guard()", "old.owner_user_id = actor and", ""),
  },
  {
    breaks: "A4.9 the owner of an interaction",
    sql: functionWith("int_guard()", "and not public.is_app_admin()", "and false"),
  },
  {
    breaks: "A4.9 an interaction moves",
    sql: functionWith("int_guard()", "if new.opportunity_id is distinct from old.opportunity_id", "if false"),
  },
  {
    breaks: "A4.10 both manual flags",
    sql: "create rule keep as on update to opportunities where new.stage_manual do instead nothing;",
  },
  {
    breaks: "A4.10 a flag",
    sql: functionWith("resync_opportunity(uuid)", "public.sync_opportunity(opportunity)", "false"),
  },
  {
    breaks: "A4.10 only the owner",
    sql: functionWith("resync_opportunity(uuid)", "if not public.is_service_caller()", "if false"),
  },
  { breaks: "A4.11 an interaction", sql: "drop trigger trg_int_10_gate on interactions;" },
  {
    breaks: "A4.11 an opportunity in a gated stage needs",
    sql: "drop trigger trg_opp_10_gate on opportunities;",
  },
  {
    breaks: "A4.11 an opportunity in a gated stage needs",
    sql: "update stage_lu set requires_product = false where code = 'demo_scheduled';",
  },
  {
    breaks: "A4.11 an opportunity in a gated stage keeps",
    sql: `create or replace trigger trg_opp_10_gate
      before insert or update of stage on opportunities for each row execute function opp_gate();`,
  },
  { breaks: "A4.11 with a product", sql: functionWith("int_gate()", "and o.product_id is null", "") },
  {
    breaks: "A4.12",
    sql: functionWith(
      "int_sync()",
      "if tg_op = 'INSERT' then",
      "if tg_op = 'INSERT' then perform pg_sleep(case when random() < 0.2 then 0.06 else 0 end);",
    ),
  },
  {
    breaks: "T1 an interaction does not lie",
    sql: functionWith(
      "int_gate()",
      "if new.interaction_date > now()",
      "if new.interaction_date > now() + interval '1 year'",
    ),
  },
  {
    breaks: "T1 an interaction was not created",
    sql: functionWith(
      "int_gate()",
      "if new.created_at > now()",
      "if new.created_at > now() + interval '1 year'",
    ),
  },
  { breaks: "T3", sql: "drop trigger trg_opp_30_close on opportunities;" },
  { breaks: "T5", sql: "drop trigger trg_opp_20_contact on opportunities;" },
  {
    breaks: "T6 the triggers",
    sql: "alter trigger trg_int_20_guard on interactions rename to trg_int_95_guard;",
  },
  { breaks: "T6 an update", sql: "drop trigger trg_opp_90_updated_at on opportunities;" },
  { breaks: "T6 an update", sql: "drop trigger trg_int_90_updated_at on interactions;" },
  { breaks: "T6 every security definer", sql: "alter function opp_close() reset all;" },
  { breaks: "T6 every security definer", sql: "grant execute on function opp_close() to public;" },

  // 040_views_reporting
  {
    breaks: "A5.1 the pipeline returns",
    sql: viewWith("reporting.pipeline_full", "WHERE (o.deleted_at IS NULL)", "WHERE false"),
  },
  {
    breaks: "A5.1 the pipeline names",
    sql: viewWith("reporting.pipeline_full", "pr.name AS principal_name", "org.name AS principal_name"),
  },
  { breaks: "A5.1 an opportunity is stale", sql: "update stage_lu set stale_after_days = null;" },
  {
    breaks: "A5.2",
    sql: viewWith("reporting.pipeline_full", "i.interaction_date DESC", "i.interaction_date"),
  },
  {
    breaks: "A5.2",
    sql: viewWith("reporting.latest_interaction", "interaction_date DESC", "interaction_date"),
  },
  { breaks: "A5.3", sql: viewWith("reporting.pipeline_full", "AND pd.is_primary", "") },
  {
    breaks: "A5.4 every derived role",
    sql: viewWith("public.v_org_roles", "'distributor'::text", "'dealer'::text"),
  },
  {
    breaks: "A5.4 a principal",
    sql: "update stage_lu set is_won = false where code = 'closed_won';",
  },
  { breaks: "A5.5 every view", sql: "alter view reporting.pipeline_full reset (security_invoker);" },
  { breaks: "A5.5 the four views", sql: "revoke select on reporting.pipeline_full from authenticated;" },

  // 050_rls_policies_offboarding
  {
    breaks: "A6.1 ",
    sql: "alter policy opportunities_select_own on opportunities using (deleted_at is null);",
  },
  { breaks: "A6.1 ", sql: "alter table interactions disable row level security;" },
  {
    breaks: "A6.2 shared organizations",
    sql: `alter policy org_select_scoped on organizations
      using (deleted_at is null and owner_user_id = (select auth.uid()));`,
  },
  {
    breaks: "A6.2 an own opportunity",
    sql: functionWith(
      "my_referenced_organizations()",
      "where op.owner_user_id",
      "where false and op.owner_user_id",
    ),
  },
  {
    breaks: "A6.2 nobody",
    sql: `alter policy opportunities_insert_own on opportunities
      with check (owner_user_id = (select auth.uid()));`,
  },
  {
    breaks: "A6.2 an organization of one's own",
    sql: `alter policy org_select_scoped on organizations
      using (deleted_at is null and organization_id in (select my_accessible_organizations()));`,
  },
  {
    breaks: "A6.3 a user",
    sql: `alter table organizations drop constraint organizations_owner_user_id_fkey;
      alter table contacts drop constraint contacts_owner_user_id_fkey;
      alter table opportunities drop constraint opportunities_owner_user_id_fkey;
      alter table interactions drop constraint interactions_owner_user_id_fkey;`,
  },
  {
    breaks: "A6.3 each",
    sql: "alter table contacts drop constraint contacts_owner_user_id_fkey;",
  },
  {
    breaks: "A6.4 once an admin",
    sql: functionWith(
      "reassign_user_data(uuid,uuid)",
      "update public.interactions r set owner_user_id = p_to",
      "update public.interactions r set owner_user_id = p_from",
    ),
  },
  {
    breaks: "A6.4 reassigning moves",
    sql: functionWith(
      "reassign_user_data(uuid,uuid)",
      "update public.contacts r set owner_user_id = p_to where",
      "update public.contacts r set owner_user_id = p_to where r.deleted_at is null and",
    ),
  },
  {
    breaks: "A6.4 reassigning to the same",
    sql: [
      functionWith("reassign_user_data(uuid,uuid)", " or p_from = p_to", ""),
      functionWith("reassign_user_data(uuid,uuid)", "<> 2", "> 2"),
    ].join("\n"),
  },
  { breaks: "A6.4 reassigning to nobody", sql: functionWith("reassign_user_data(uuid,uuid)", "<> 2", "> 2") },
  {
    breaks: "A6.5 a user",
    sql: functionWith(
      "admin_reassign_user_data(uuid,uuid)",
      "if not (public.is_service_caller() or public.is_app_admin())",
      "if false",
    ),
  },
  {
    breaks: "A6.5 not even",
    sql: "grant execute on function reassign_user_data(uuid, uuid) to authenticated;",
  },
  { breaks: "A6.5 user_metadata", sql: functionWith("is_app_admin()", "app_metadata", "user_metadata") },
  { breaks: "A6.6", sql: slowPolicy("0.25") },
  {
    breaks: "A6.7 a signed-in user",
    sql: `alter policy opportunities_select_own on opportunities
      using (deleted_at is null and owner_user_id::text = (select auth.uid())::text);`,
  },
  { breaks: "A6.7 the indexes", sql: "drop index idx_opportunities_owner_deleted;" },
  { breaks: "A6.7 the indexes", sql: "drop index idx_interactions_composite;" },
  { breaks: "A6.7 the indexes", sql: "drop index idx_organizations_owner_deleted;" },
  { breaks: "A6.8", sql: slowPolicy("0.1") },
  {
    breaks: "A6.9",
    sql: `alter policy products_select_scoped on products
      using (principal_org_id in (select my_accessible_organizations()));`,
  },
  { breaks: "A6.9", sql: "alter table product_distributors drop column deleted_at cascade;" },
  {
    breaks: "A6.10 soft-deleted rows are invisible",
    sql: "alter policy contacts_select_scoped on contacts using (owner_user_id = (select auth.uid()));",
  },
  {
    breaks: "A6.10 soft-deleted rows are in no view",
    sql: viewWith("reporting.latest_interaction", "(deleted_at IS NULL)", "true"),
  },
  {
    breaks: "A6.10 soft-deleted rows are in no view",
    sql: viewWith("public.v_org_roles", "(o.deleted_at IS NULL)", "true"),
  },
  {
    breaks: "A6.10 labels",
    sql: viewWith("reporting.pipeline_full", "(c.deleted_at IS NULL)", "true"),
  },
  {
    breaks: "A6.10 a plain update",
    sql: `alter policy opportunities_select_own on opportunities using (owner_user_id = (select auth.uid()));
      alter policy opportunities_update_own on opportunities with check (owner_user_id = (select auth.uid()));`,
  },
  {
    breaks: "A6.10 soft-deleting the latest",
    sql: [
      functionWith("int_sync()", ", new.deleted_at", ""),
      functionWith("int_sync()", ", old.deleted_at", ""),
    ].join("\n"),
  },
  {
    breaks: "A6.10 soft-deleting the latest",
    sql: functionWith("sync_opportunity(uuid)", "and i.deleted_at is null", ""),
  },
  {
    breaks: "A6.10 an organization with live",
    sql: functionWith("soft_delete(text,uuid,boolean,uuid)", "if not cascade then", "if false then"),
  },
  {
    breaks: "A6.10 an opportunity with live",
    sql: functionWith(
      "soft_delete(text,uuid,boolean,uuid)",
      "if exists (select from public.interactions i",
      "if false and exists (select from public.interactions i",
    ),
  },
  {
    breaks: "A6.10 with cascade",
    sql: functionWith("soft_delete(text,uuid,boolean,uuid)", "where c.organization_id = id", "where false"),
  },
  {
    breaks: "A6.10 a user soft-deletes",
    sql: functionWith("may_delete(text,uuid)", "return coalesce(answer, false)", "return true"),
  },
  {
    breaks: "A6.10 an admin",
    sql: functionWith("int_guard()", "if owns_opportunity", "if public.is_app_admin() or owns_opportunity"),
  },
  {
    breaks: "A6.10 an admin",
    sql: functionWith("may_delete(text,uuid)", "or public.is_app_admin()", ""),
  },
  {
    breaks: "A6.10 a name is free",
    sql: "drop index organizations_name_uq; create unique index organizations_name_uq on organizations (name);",
  },
  { breaks: "A6.10 restoring", sql: "drop index organizations_name_uq;" },
  {
    breaks: "A6.11 anon reads",
    sql: "grant select on stage_lu to anon; create policy everybody on stage_lu for select to anon using (true);",
  },
  { breaks: "A6.11 anon calls", sql: "grant execute on function refresh_dashboard_view() to anon;" },
  { breaks: "A6.11 anon calls", sql: "grant insert on contacts to anon;" },
  { breaks: "A6.12", sql: "revoke select on contacts from service_role;" },
  { breaks: "A6.13", sql: circularPolicies() },
  {
    breaks: "V1",
    sql: "alter policy contacts_select_scoped on contacts using (deleted_at is null);",
  },
  { breaks: "V2", sql: "alter policy products_select_scoped on products using (deleted_at is null);" },
  {
    breaks: "V3 opportunity owner and",
    sql: `alter policy interactions_select_involved on interactions
      using (deleted_at is null and owner_user_id = (select auth.uid()));`,
  },
  {
    breaks: "V3 the opportunity owner",
    sql: functionWith("int_guard()", "if owns_opportunity", "if false"),
  },
  {
    breaks: "V3 the interaction owner edits a driver",
    sql: functionWith("int_guard()", "old.owner_user_id = actor and", "false and"),
  },
  {
    breaks: "V3 the interaction owner edits no driver",
    sql: functionWith("int_guard()", "interval '24 hours'", "interval '48 hours'"),
  },
  {
    breaks: "V3 a third user",
    sql: `alter policy interactions_select_involved on interactions using (true);
      alter policy interactions_update_involved on interactions using (true);`,
  },
  {
    breaks: "V3 nobody",
    sql: "alter policy interactions_insert_opportunity on interactions with check (true);",
  },
  {
    breaks: "V4",
    sql: functionWith("sync_opportunity(uuid)", "if not current_row.stage_manual", "if true"),
  },
  {
    breaks: "V5",
    sql: functionWith(
      "reassign_user_data(uuid,uuid)",
      "update public.contacts r set owner_user_id = p_to",
      "update public.contacts r set owner_user_id = p_from",
    ),
  },
  {
    breaks: "V6 organizations",
    sql: "alter policy organizations_update_own on organizations using (deleted_at is null);",
  },
  { breaks: "V6 organizations", sql: "grant delete on organizations to authenticated;" },
  { breaks: "V6 contacts", sql: "alter policy contacts_insert_own on contacts with check (true);" },
  {
    breaks: "V6 products",
    sql: "alter policy products_update_principal on products using (true) with check (true);",
  },
  {
    breaks: "V6 product_distributors",
    sql: "drop policy product_distributors_delete_principal on product_distributors;",
  },
  {
    breaks: "V6 opportunities",
    sql: "alter policy opportunities_insert_own on opportunities with check (true);",
  },
  { breaks: "V6 interactions", sql: "drop policy interactions_delete_involved on interactions;" },
  {
    breaks: "V6 ownership",
    // The reading policy guards the changed row as well.
    sql: `alter policy organizations_update_own on organizations with check (true);
      alter policy org_select_scoped on organizations using (deleted_at is null);`,
  },
  { breaks: "V6 lookups", sql: "grant update on stage_lu to authenticated;" },
  { breaks: "V6 lookups", sql: "drop policy stage_lu_select_all on stage_lu;" },
  { breaks: "V7", sql: "alter view v_org_roles reset (security_invoker);" },
  { breaks: "V8 anon", sql: "grant select on contacts to anon;" },

  // 060_hardening
  {
    breaks: "A7.1 a stakeholder",
    sql: "alter table opportunity_contacts drop constraint opportunity_contacts_pkey;",
  },
  { breaks: "A7.1 an opportunity", sql: "drop index opportunity_contacts_primary_uq;" },
  {
    breaks: "A7.1 several",
    sql: "alter table opportunity_contacts add constraint alone check (is_primary) not valid;",
  },
  { breaks: "A7.2 a refresh", sql: functionWith("refresh_dashboard_view()", "view concurrently", "view") },
  {
    breaks: "A7.2 a running",
    sql: functionWith("refresh_dashboard_view()", "if not pg_try_advisory_xact_lock(", "if 0 = length("),
  },
  { breaks: "A7.3", sql: functionWith("refresh_dashboard_view()", "view concurrently", "view") },
  { breaks: "A7.4 a search for", sql: "drop trigger trg_con_40_search on contacts;" },
  {
    breaks: "A7.4 an update",
    sql: `create or replace trigger trg_org_40_search
      before insert on organizations for each row execute function organizations_search();`,
  },
  { breaks: "A7.4 a search uses", sql: "drop index contacts_search_idx;" },
  {
    breaks: "A7.5",
    sql: functionWith(
      "refresh_dashboard_view()",
      "refresh materialized view",
      "perform pg_sleep(10); refresh materialized view",
    ),
  },
  {
    breaks: "A7.6 a user",
    sql: "create or replace view reporting.my_dashboard as select * from reporting.dashboard_summary;",
  },
  {
    breaks: "A7.6 nobody",
    sql: "grant select on reporting.dashboard_summary to authenticated;",
  },
  { breaks: "A7.6 anon", sql: "grant usage on schema reporting to anon;" },
  {
    breaks: "A7.6 the dashboard",
    sql: viewWith("reporting.pipeline_full", "(o.deleted_at IS NULL)", "true"),
  },
  {
    breaks: "A7.7",
    sql: `create or replace trigger trg_prod_40_search
      before insert or update on products for each row execute function products_search();`,
  },
  {
    breaks: "V6 opportunity_contacts",
    sql: "alter policy opportunity_contacts_insert_opportunity on opportunity_contacts with check (true);",
  },
  { breaks: "V8 stakeholders", sql: "alter table opportunity_contacts disable row level security;" },

  // 070_seeds
  { breaks: "A8.1 eight", sql: "update stage_lu set display_name = 'Won' where code = 'closed_won';" },
  { breaks: "A8.1 eight", sql: "update stage_lu set sort_order = 9 where code = 'new_lead';" },
  {
    breaks: "A8.1 the gated",
    sql: "update stage_lu set requires_product = false where code = 'feedback_logged';",
  },
  { breaks: "A8.2", sql: "update source_lu set is_active = false where code = 'partner';" },
  { breaks: "A8.3", sql: "update stage_lu set is_active = false where code = 'closed_lost';" },
  { breaks: "A8.4", sql: "delete from state_lu where code = 'WY';" },

  // smoke
  { breaks: "a new user", sql: circularPolicies() },
  { breaks: "anon reads no table", sql: "grant select on contacts to anon;" },
  { breaks: "no table that signed-in users reach", sql: "alter table contacts disable row level security;" },
  {
    breaks: "every index is valid",
    sql: `create table split (id integer) partition by range (id);
      create table split_low partition of split for values from (0) to (9);
      create index split_idx on only split (id);`,
  },
];

function syncOn(events: string): string {
  return `create or replace trigger trg_int_50_sync
    after ${events} on interactions for each row execute function int_sync();`;
}

/** Lets about a third of the queries on opportunities wait, so that the rest of the check stays quick. */
function slowPolicy(seconds: string): string {
  return `alter policy opportunities_select_own on opportunities using (
    deleted_at is null
    and owner_user_id = (select auth.uid())
    and (select pg_sleep(case when random() < 0.3 then ${seconds} else 0 end)) is not null
  );`;
}

function circularPolicies(): string {
  return `alter policy opportunities_select_own on opportunities
      using (organization_id in (select o.organization_id from organizations o));
    alter policy org_select_scoped on organizations
      using (organization_id in (select op.organization_id from opportunities op));`;
}
