create table vault.secrets (
  id uuid primary key default gen_random_uuid(),
  name text,
  description text not null default '',
  secret text not null,
  key_id uuid,
  nonce bytea,
  created_at timestamp with time zone not null default current_timestamp,
  updated_at timestamp with time zone not null default current_timestamp
);

create unique index secrets_name_idx on vault.secrets (name) where name is not null;

create view vault.decrypted_secrets as
select
  id,
  name,
  description,
  secret,
  secret as decrypted_secret,
  key_id,
  nonce,
  created_at,
  updated_at
from vault.secrets;

comment on table vault.secrets is 'Not encrypted: this stub of supabase_vault keeps every secret in clear text';
comment on column vault.secrets.secret is 'The secret itself, in clear text: this is a stub of supabase_vault';
comment on view vault.decrypted_secrets is 'The rows of vault.secrets, which this stub of supabase_vault never encrypted';

create function vault.create_secret(
  new_secret text,
  new_name text default null,
  new_description text default '',
  new_key_id uuid default null
)
returns uuid
language sql
security definer
set search_path = ''
as $$
  insert into vault.secrets (secret, name, description, key_id)
  values (new_secret, new_name, coalesce(new_description, ''), new_key_id)
  returning id
$$;

create function vault.update_secret(
  secret_id uuid,
  new_secret text default null,
  new_name text default null,
  new_description text default null,
  new_key_id uuid default null
)
returns void
language sql
security definer
set search_path = ''
as $$
  update vault.secrets set
    secret = coalesce(new_secret, secret),
    name = coalesce(new_name, name),
    description = coalesce(new_description, description),
    key_id = coalesce(new_key_id, key_id),
    updated_at = current_timestamp
  where id = secret_id
$$;

comment on function vault.create_secret(text, text, text, uuid) is 'Stub: keeps the secret in clear text';
comment on function vault.update_secret(uuid, text, text, text, uuid) is 'Stub: keeps the secret in clear text';

revoke execute on function
  vault.create_secret(text, text, text, uuid),
  vault.update_secret(uuid, text, text, text, uuid)
from public;

-- Inserting straight into the table is what projects did before the functions came.
grant select, insert, update, delete, truncate, references on vault.secrets to postgres with grant option;
grant select, delete, truncate, references on vault.decrypted_secrets to postgres with grant option;
grant select, delete on vault.secrets, vault.decrypted_secrets to service_role;
grant execute on function
  vault.create_secret(text, text, text, uuid),
  vault.update_secret(uuid, text, text, text, uuid)
to postgres with grant option;
grant execute on function
  vault.create_secret(text, text, text, uuid),
  vault.update_secret(uuid, text, text, text, uuid)
to service_role;

select pg_extension_config_dump('vault.secrets', '');
