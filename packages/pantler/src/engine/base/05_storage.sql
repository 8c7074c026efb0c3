set local role supabase_storage_admin;

create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');

create table storage.migrations (
  id integer not null,
  name character varying(100) not null,
  hash character varying(40) not null,
  executed_at timestamp without time zone default current_timestamp,
  constraint migrations_pkey primary key (id),
  constraint migrations_name_key unique (name)
);

create table storage.buckets (
  id text not null,
  name text not null,
  owner uuid,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone default now(),
  public boolean default false,
  avif_autodetection boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  owner_id text,
  type storage.buckettype not null default 'STANDARD',
  constraint buckets_pkey primary key (id)
);

create unique index bname on storage.buckets (name);

create table storage.objects (
  id uuid not null default gen_random_uuid(),
  bucket_id text,
  name text,
  owner uuid,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone default now(),
  last_accessed_at timestamp with time zone default now(),
  metadata jsonb,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  version text,
  owner_id text,
  user_metadata jsonb,
  constraint objects_pkey primary key (id),
  constraint "objects_bucketId_fkey" foreign key (bucket_id) references storage.buckets (id)
);

create unique index bucketid_objname on storage.objects (bucket_id, name);
create index name_prefix_search on storage.objects (name text_pattern_ops);
create index idx_objects_bucket_id_name on storage.objects (bucket_id, name collate "C");

create table storage.s3_multipart_uploads (
  id text not null,
  in_progress_size bigint not null default 0,
  upload_signature text not null,
  bucket_id text not null,
  key text collate "C" not null,
  version text not null,
  owner_id text,
  created_at timestamp with time zone not null default now(),
  user_metadata jsonb,
  metadata jsonb,
  constraint s3_multipart_uploads_pkey primary key (id),
  constraint s3_multipart_uploads_bucket_id_fkey foreign key (bucket_id) references storage.buckets (id)
);

create index idx_multipart_uploads_list on storage.s3_multipart_uploads (bucket_id, key, created_at);

create table storage.s3_multipart_uploads_parts (
  id uuid not null default gen_random_uuid(),
  upload_id text not null,
  size bigint not null default 0,
  part_number integer not null,
  bucket_id text not null,
  key text collate "C" not null,
  etag text not null,
  owner_id text,
  version text not null,
  created_at timestamp with time zone not null default now(),
  constraint s3_multipart_uploads_parts_pkey primary key (id),
  constraint s3_multipart_uploads_parts_bucket_id_fkey foreign key (bucket_id) references storage.buckets (id),
  constraint s3_multipart_uploads_parts_upload_id_fkey
    foreign key (upload_id) references storage.s3_multipart_uploads (id) on delete cascade
);

comment on column storage.buckets.owner is 'Superseded by owner_id, which also holds ids that are not uuids';
comment on column storage.objects.owner is 'Superseded by owner_id, which also holds ids that are not uuids';

create function storage.foldername(name text)
returns text[]
language sql
immutable
as $$
  select parts[1:cardinality(parts) - 1]
  from string_to_array(foldername.name, '/') as parts
$$;

create function storage.filename(name text)
returns text
language sql
immutable
as $$
  select parts[cardinality(parts)]
  from string_to_array(filename.name, '/') as parts
$$;

create function storage.extension(name text)
returns text
language sql
immutable
as $$
  select split_part(storage.filename(extension.name), '.', -1)
$$;

create function storage.operation()
returns text
language sql
stable
as $$
  select nullif(current_setting('storage.operation', true), '')
$$;

create function storage.update_updated_at_column()
returns trigger
language plpgsql
as $$
begin
  new.updated_at = now();
  return new;
end
$$;

create function storage.enforce_bucket_name_length()
returns trigger
language plpgsql
as $$
begin
  if length(new.name) > 100 then
    raise exception 'the bucket name "%" has % characters; 100 is the most', new.name, length(new.name)
      using errcode = 'string_data_right_truncation';
  end if;
  return new;
end
$$;

-- A row of this table stands for a file elsewhere, which deleting the row would leave behind for ever.
create function storage.protect_delete()
returns trigger
language plpgsql
as $$
begin
  if coalesce(current_setting('storage.allow_delete_query', true), 'false') <> 'true' then
    raise exception 'rows of storage.% are deleted through the Storage API, which removes the files as well', tg_table_name
      using errcode = 'insufficient_privilege';
  end if;
  return null;
end
$$;

-- The exception undoes the insert again: what is learnt is whether the policies let it pass.
create function storage.can_insert_object(bucketid text, name text, owner uuid, metadata jsonb)
returns void
language plpgsql
as $$
begin
  insert into storage.objects (bucket_id, name, owner, metadata)
  values (bucketid, can_insert_object.name, can_insert_object.owner, can_insert_object.metadata);
  raise sqlstate 'PT200' using message = 'ROLLBACK', detail = 'the insert is allowed';
end
$$;

create function storage.get_size_by_bucket()
returns table (size bigint, bucket_id text)
language sql
stable
as $$
  select
    sum((objects.metadata ->> 'size')::bigint)::bigint,
    objects.bucket_id
  from storage.objects
  group by objects.bucket_id
$$;

-- Lists one level below a prefix: folders, which exist only as parts of names, before files.
create function storage.search(
  prefix text,
  bucketname text,
  limits integer default 100,
  levels integer default 1,
  offsets integer default 0,
  search text default '',
  sortcolumn text default 'name',
  sortorder text default 'asc'
)
returns table (
  name text,
  id uuid,
  updated_at timestamp with time zone,
  created_at timestamp with time zone,
  last_accessed_at timestamp with time zone,
  metadata jsonb
)
language plpgsql
stable
as $$
declare
  direction constant text := case when lower(sortorder) = 'desc' then 'desc' else 'asc' end;
  ordering constant text := case
    when sortcolumn in ('updated_at', 'created_at', 'last_accessed_at') then sortcolumn
    else 'name'
  end;
begin
  return query execute format(
    $query$
      with matched as (
        select
          objects.*,
          cardinality(objects.path_tokens) > $4 as is_below
        from storage.objects
        where objects.bucket_id = $1
          and starts_with(lower(objects.name), lower($2 || $3))
      ),
      listed as (
        select distinct
          matched.path_tokens[$4] as name,
          null::uuid as id,
          null::timestamp with time zone as updated_at,
          null::timestamp with time zone as created_at,
          null::timestamp with time zone as last_accessed_at,
          null::jsonb as metadata
        from matched
        where matched.is_below
        union all
        select
          matched.path_tokens[$4],
          matched.id,
          matched.updated_at,
          matched.created_at,
          matched.last_accessed_at,
          matched.metadata
        from matched
        where not matched.is_below
      )
      select listed.*
      from listed
      order by listed.id is not null, listed.%1$I %2$s, listed.name %2$s
      limit $5
      offset $6
    $query$,
    ordering,
    direction
  )
  using bucketname, coalesce(prefix, ''), coalesce(search, ''), levels, limits, offsets;
end
$$;

grant execute on all functions in schema storage to anon, authenticated, service_role, postgres, dashboard_user;

grant all on storage.buckets, storage.objects to anon, authenticated, service_role;
grant all on storage.buckets, storage.objects to postgres with grant option;
grant all on storage.s3_multipart_uploads, storage.s3_multipart_uploads_parts to service_role, postgres;
grant select on storage.s3_multipart_uploads, storage.s3_multipart_uploads_parts to anon, authenticated;
grant all on all tables in schema storage to dashboard_user;

alter table storage.migrations enable row level security;
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
alter table storage.s3_multipart_uploads enable row level security;
alter table storage.s3_multipart_uploads_parts enable row level security;

reset role;
