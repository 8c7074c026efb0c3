-- Emergency: the business rules of 030 misbehave and must go now. Data stays; opportunities keep the
-- stage and status they have. To come back, run 030 again, and 050 after it where phase 6 is applied.

drop trigger if exists trg_int_10_gate on public.interactions;
drop trigger if exists trg_int_20_guard on public.interactions;
drop trigger if exists trg_int_50_sync on public.interactions;
drop trigger if exists trg_opp_10_gate on public.opportunities;
drop trigger if exists trg_opp_20_contact on public.opportunities;
drop trigger if exists trg_opp_30_close on public.opportunities;
drop function if exists public.resync_opportunity(uuid);
drop function if exists public.int_gate();
drop function if exists public.int_guard();
drop function if exists public.int_sync();
drop function if exists public.sync_opportunity(uuid);
drop function if exists public.opp_gate();
drop function if exists public.opp_contact_in_organization();
drop function if exists public.opp_close();
