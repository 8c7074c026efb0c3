/**
 * KitchenPantry's reading rules as they are written first: who is asking is called with every row, what a row depends on
 * is looked up in line, and the indexes are those that the tables had before row security.
 */
export const naivePolicies = `
drop policy org_select_scoped on public.organizations;
create policy org_select_scoped on public.organizations for select to authenticated using (
  deleted_at is null
  and (
    owner_user_id is null
    or owner_user_id = auth.uid()
    or exists (
      select from public.opportunities op
      where op.owner_user_id = auth.uid()
        and op.deleted_at is null
        and organizations.organization_id in (op.organization_id, op.principal_org_id, op.distributor_org_id)
    )
  )
);
drop policy contacts_select_scoped on public.contacts;
create policy contacts_select_scoped on public.contacts for select to authenticated using (
  deleted_at is null
  and (
    owner_user_id = auth.uid()
    or exists (
      select from public.organizations o
      where o.organization_id = contacts.organization_id
        and (o.owner_user_id = auth.uid() or contacts.owner_user_id is null)
    )
  )
);
drop policy products_select_scoped on public.products;
create policy products_select_scoped on public.products for select to authenticated using (
  deleted_at is null
  and exists (select from public.organizations o where o.organization_id = products.principal_org_id)
);
drop policy product_distributors_select_scoped on public.product_distributors;
create policy product_distributors_select_scoped on public.product_distributors for select to authenticated using (
  deleted_at is null
  and exists (select from public.products p where p.product_id = product_distributors.product_id)
);
drop policy opportunities_select_own on public.opportunities;
create policy opportunities_select_own on public.opportunities for select to authenticated
  using (deleted_at is null and owner_user_id = auth.uid());
drop policy interactions_select_involved on public.interactions;
create policy interactions_select_involved on public.interactions for select to authenticated using (
  deleted_at is null
  and (
    owner_user_id = auth.uid()
    or exists (
      select from public.opportunities op
      where op.opportunity_id = interactions.opportunity_id and op.owner_user_id = auth.uid()
    )
  )
);
drop index public.idx_opportunities_owner_deleted, public.idx_opportunities_owner_created,
  public.idx_interactions_composite, public.idx_organizations_owner_deleted;
`;
