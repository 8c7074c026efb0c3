/** A question the application asks, whose answer is one user's. */
export interface Probe {
  readonly name: string;
  /** As the application sends it: whose rows are meant is left to row security. */
  readonly query: string;
  readonly parameters: readonly ("id" | "opportunity")[];
  /** The same rows for a role that no policy binds; $1 is the user, $2 an opportunity of theirs. */
  readonly unbound: string;
  /** What its 95th percentile has to stay under, in milliseconds, where that is another than everybody's. */
  readonly budget?: number;
}

/** The organizations that a user sees, written out. */
const visible = `(
  g.owner_user_id is null
  or g.owner_user_id = $1
  or g.organization_id = any (array(
    select r.id
    from public.opportunities op
    cross join lateral (values (op.organization_id), (op.principal_org_id), (op.distributor_org_id)) r (id)
    where op.owner_user_id = $1 and op.deleted_at is null
  ))
) and g.deleted_at is null and $2::uuid is not null`;

const page = "order by created_at desc, opportunity_id limit 50";

const own = "owner_user_id = $1::uuid and $2::uuid is not null";

/** The first three are the document's own. */
export const probes: readonly Probe[] = [
  {
    name: "organizations, counted",
    query: "select count(*) from public.organizations",
    parameters: [],
    unbound: `select count(*) from public.organizations g where ${visible}`,
  },
  {
    name: "opportunities with organizations, 10",
    query:
      "select o.*, org.name as org_name from public.opportunities o join public.organizations org using (organization_id) limit 10",
    parameters: [],
    unbound: `select o.*, org.name as org_name from public.opportunities o join public.organizations org using (organization_id)
      where o.${own} and o.deleted_at is null and org.deleted_at is null limit 10`,
  },
  {
    name: "opportunities of the user, all",
    query: "select * from public.opportunities where owner_user_id = $1",
    parameters: ["id"],
    unbound: `select * from public.opportunities where ${own} and deleted_at is null`,
  },
  {
    name: "pipeline_full, first 50",
    query: `select * from reporting.pipeline_full ${page}`,
    parameters: [],
    unbound: `select * from reporting.pipeline_full where ${own} ${page}`,
  },
  {
    name: "pipeline_full, all of one user",
    query: "select * from reporting.pipeline_full",
    parameters: [],
    // A thousand rows of 38 columns, which no screen asks for at once.
    budget: 100,
    unbound: `select * from reporting.pipeline_full where ${own}`,
  },
  {
    name: "my opportunities, first 50",
    query: `select opportunity_id, name, stage, status, priority, estimated_value from public.opportunities ${page}`,
    parameters: [],
    unbound: `select opportunity_id, name, stage, status, priority, estimated_value from public.opportunities
      where ${own} and deleted_at is null ${page}`,
  },
  {
    name: "search in organizations, best 20",
    query: `select organization_id, name from public.organizations, websearch_to_tsquery('english', 'tasting menus') wanted
      where search_tsv @@ wanted order by ts_rank(search_tsv, wanted) desc, organization_id limit 20`,
    parameters: [],
    unbound: `select organization_id, name from public.organizations g, websearch_to_tsquery('english', 'tasting menus') wanted
      where search_tsv @@ wanted and ${visible} order by ts_rank(search_tsv, wanted) desc, organization_id limit 20`,
  },
  {
    name: "interactions of an opportunity",
    query:
      "select interaction_id, subject, interaction_date, outcome from public.interactions where opportunity_id = $1 order by interaction_date desc limit 50",
    parameters: ["opportunity"],
    unbound: `select interaction_id, subject, interaction_date, outcome from public.interactions
      where opportunity_id = $2 and deleted_at is null and $1::uuid is not null order by interaction_date desc limit 50`,
  },
  {
    name: "my latest interactions, 20",
    query:
      "select interaction_id, subject, interaction_date from public.interactions order by interaction_date desc, interaction_id limit 20",
    parameters: [],
    unbound: `select interaction_id, subject, interaction_date from public.interactions
      where deleted_at is null and $2::uuid is not null and (
        owner_user_id = $1
        or opportunity_id = any (array(select op.opportunity_id from public.opportunities op where op.owner_user_id = $1 and op.deleted_at is null))
      )
      order by interaction_date desc, interaction_id limit 20`,
  },
  {
    name: "my_dashboard",
    query: "select * from reporting.my_dashboard order by stage",
    parameters: [],
    unbound: `select * from reporting.dashboard_summary where ${own} order by stage`,
  },
];
