import type pg from "pg";
import { describe, expect, it } from "vitest";
import { withDatabase } from "../support/database.js";
import { query } from "../support/inspect.js";

const ann = "11111111-1111-4111-8111-111111111111";
const ben = "22222222-2222-4222-8222-222222222222";

/** Runs SQL the way a migration is run: as one transaction that commits. */
async function migrate(client: pg.Client, sql: string): Promise<void> {
  await client.query("begin");
  try {
    await client.query(sql);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

/** Runs one query as a caller of the API, and leaves nothing behind. */
async function rowsAs(
  client: pg.Client,
  role: string,
  claims: Readonly<Record<string, unknown>>,
  sql: string,
): Promise<Record<string, unknown>[]> {
  await client.query("begin");
  try {
    await client.query("select set_config('request.jwt.claims', $1, true), set_config('role', $2, true)", [
      JSON.stringify(claims),
      role,
    ]);
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.query("rollback");
  }
}

async function value(client: pg.Client, sql: string): Promise<unknown> {
  const result = await client.query<unknown[]>({ text: sql, rowMode: "array" });
  return result.rows[0]?.[0];
}

/** A seeded user in the form that seed files of Supabase projects use. */
function signUp(id: string, email: string): string {
  return `
    insert into auth.users (
      instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
      raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
      confirmation_token, email_change, email_change_token_new, recovery_token
    ) values (
      '00000000-0000-0000-0000-000000000000', '${id}', 'authenticated', 'authenticated', '${email}',
      extensions.crypt('password', extensions.gen_salt('bf', 4)), now(),
      '{"provider": "email", "providers": ["email"]}', '{"full_name": "Somebody"}', now(), now(),
      '', '', '', ''
    );
    insert into auth.identities (
      id, user_id, provider_id, identity_data, provider, last_sign_in_at, created_at, updated_at
    ) values (
      gen_random_uuid(), '${id}', '${id}', '{"sub": "${id}", "email": "${email.toUpperCase()}"}',
      'email', now(), now(), now()
    );`;
}

const profiles = `
  create table public.profiles (
    id uuid primary key references auth.users on delete cascade,
    full_name text
  );
  alter table public.profiles enable row level security;
  create policy "one's own profile" on public.profiles to authenticated using (id = (select auth.uid()));
  create function public.handle_new_user() returns trigger
  language plpgsql security definer set search_path = '' as $$
  begin
    insert into public.profiles (id, full_name) values (new.id, new.raw_user_meta_data ->> 'full_name');
    return new;
  end
  $$;
  create trigger on_auth_user_created after insert on auth.users
    for each row execute function public.handle_new_user();`;

describe("the roles of the base", () => {
  it("give postgres what it has on hosted Supabase, and no more", async () => {
    await withDatabase(async ({ client }) => {
      const { rows } = await client.query(
        "select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls from pg_roles where rolname = current_user",
      );
      expect(rows).toEqual([
        { rolsuper: false, rolcreatedb: true, rolcreaterole: true, rolreplication: true, rolbypassrls: true },
      ]);
      expect(await value(client, "show search_path")).toBe('"$user", public, extensions');
    });
  });

  it("let postgres own its database and supabase_admin every schema the base made", async () => {
    await withDatabase(async ({ client }) => {
      expect(
        await value(
          client,
          "select pg_get_userbyid(datdba) from pg_database where datname = current_database()",
        ),
      ).toBe("postgres");
      const { rows } = await client.query<{ nspname: string }>(
        "select nspname from pg_namespace where nspowner <> 'supabase_admin'::regrole and nspname <> 'public'",
      );
      expect(rows).toEqual([]);
    });
  });

  it("let a migration make roles of its own and hand them to the API", async () => {
    await withDatabase(async ({ client }) => {
      await client.query("begin");
      await client.query(`
        create role base_test_reader;
        grant base_test_reader to authenticator;
        grant anon to base_test_reader;
        alter role authenticator set pgrst.db_pre_request = 'public.check_request';
        alter role anon set statement_timeout = '10s'`);
      await client.query("rollback");
    });
  });

  it("give a new table in public to the roles of the API", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, "create table public.notes (id bigint generated always as identity)");
      for (const role of ["anon", "authenticated", "service_role"]) {
        expect(await rowsAs(client, role, {}, "select * from public.notes")).toEqual([]);
      }
    });
  });

  it("let a database that is made later be as good as the first", async () => {
    await withDatabase(async ({ client, url }) => {
      const name = `base_test_${process.pid}`;
      await client.query(`create database ${name}`);
      try {
        const later = new URL(url);
        later.pathname = `/${name}`;
        const rows = await query(
          later.href,
          "select auth.uid(), to_regclass('storage.objects') is not null as stored, pg_get_userbyid(datdba) as owner from pg_database where datname = current_database()",
        );
        expect(rows).toEqual([{ uid: null, stored: true, owner: "postgres" }]);
      } finally {
        await client.query(`drop database ${name} with (force)`);
      }
    });
  });

  it("let a data dump switch triggers off for its session", async () => {
    await withDatabase(async ({ client }) => {
      await client.query("set session_replication_role = replica");
      expect(await value(client, "show session_replication_role")).toBe("replica");
    });
  });
});

describe("auth", () => {
  it("lets an unmodified migration create a trigger on auth.users, which fires at sign-up", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, profiles);
      await migrate(client, signUp(ann, "ann@test.local"));
      expect(await value(client, "select full_name from public.profiles")).toBe("Somebody");
    });
  });

  it("lets a later migration drop that trigger and create it anew", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, profiles);
      await migrate(
        client,
        `drop trigger if exists on_auth_user_created on auth.users;
         create trigger on_auth_user_created after insert on auth.users
           for each row execute function public.handle_new_user()`,
      );
      await migrate(client, signUp(ann, "ann@test.local"));
      expect(await value(client, "select count(*)::int from public.profiles")).toBe(1);
    });
  });

  it("takes a seeded user with a password that verifies and an identity with its email", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, signUp(ann, "ann@test.local"));
      const { rows } = await client.query(`
        select
          users.encrypted_password = extensions.crypt('password', users.encrypted_password) as verifies,
          users.confirmed_at is not null as confirmed,
          identities.email
        from auth.users
        inner join auth.identities on identities.user_id = users.id`);
      expect(rows).toEqual([{ verifies: true, confirmed: true, email: "ann@test.local" }]);
    });
  });

  it("refuses a second user with an email, unless that one signs in through an organization", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, signUp(ann, "ann@test.local"));
      await expect(migrate(client, signUp(ben, "ann@test.local"))).rejects.toMatchObject({ code: "23505" });
      await migrate(
        client,
        `insert into auth.users (id, email, is_sso_user) values ('${ben}', 'ann@test.local', true)`,
      );
      expect(await value(client, "select count(*)::int from auth.users")).toBe(2);
    });
  });

  it("takes everything of a user with the user", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, profiles);
      await migrate(client, signUp(ann, "ann@test.local"));
      await migrate(client, "delete from auth.users");
      expect(await value(client, "select count(*)::int from auth.identities")).toBe(0);
      expect(await value(client, "select count(*)::int from public.profiles")).toBe(0);
    });
  });

  it("reads the request claims in the new form", async () => {
    await withDatabase(async ({ client }) => {
      const claims = { sub: ann, role: "authenticated", email: "ann@test.local", app_metadata: { team: 7 } };
      const rows = await rowsAs(
        client,
        "authenticated",
        claims,
        "select auth.uid(), auth.role(), auth.email(), auth.jwt()",
      );
      expect(rows).toEqual([{ uid: ann, role: "authenticated", email: "ann@test.local", jwt: claims }]);
    });
  });

  it("reads the request claims in the old form", async () => {
    await withDatabase(async ({ client }) => {
      await client.query(
        `select
           set_config('request.jwt.claim.sub', $1, false),
           set_config('request.jwt.claim.role', 'authenticated', false),
           set_config('request.jwt.claim.email', 'ann@test.local', false)`,
        [ann],
      );
      const { rows } = await client.query("select auth.uid(), auth.role(), auth.email()");
      expect(rows).toEqual([{ uid: ann, role: "authenticated", email: "ann@test.local" }]);
    });
  });

  it("has no user where there are no claims, before a request and after one", async () => {
    await withDatabase(async ({ client }) => {
      const nobody = [{ uid: null, role: null, email: null, jwt: null }];
      const question = "select auth.uid(), auth.role(), auth.email(), auth.jwt()";
      expect((await client.query(question)).rows).toEqual(nobody);
      await rowsAs(client, "authenticated", { sub: ann }, "select auth.uid()");
      expect((await client.query(question)).rows).toEqual(nobody);
    });
  });

  it("shows each signed-in user what a policy allows, and auth.users to none of them", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, profiles);
      await migrate(client, signUp(ann, "ann@test.local") + signUp(ben, "ben@test.local"));
      const mine = "select id from public.profiles";
      expect(await rowsAs(client, "authenticated", { sub: ben }, mine)).toEqual([{ id: ben }]);
      expect(await rowsAs(client, "anon", {}, mine)).toEqual([]);
      for (const role of ["anon", "authenticated", "service_role"]) {
        await expect(rowsAs(client, role, { sub: ann }, "select * from auth.users")).rejects.toMatchObject({
          code: "42501",
        });
      }
    });
  });
});

describe("storage", () => {
  const buckets = `
    insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true);
    create policy "one's own folder" on storage.objects for insert to authenticated
      with check (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text);
    create policy "everybody looks" on storage.objects for select using (bucket_id = 'avatars');`;

  it("lets an unmodified migration make buckets and policies on the objects in them", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, buckets);
      const upload = (name: string) =>
        rowsAs(
          client,
          "authenticated",
          { sub: ann },
          `insert into storage.objects (bucket_id, name) values ('avatars', '${name}') returning path_tokens`,
        );
      expect(await upload(`${ann}/face.png`)).toEqual([{ path_tokens: [ann, "face.png"] }]);
      await expect(upload(`${ben}/face.png`)).rejects.toMatchObject({ code: "42501" });
    });
  });

  it("takes names apart", async () => {
    await withDatabase(async ({ client }) => {
      const { rows } = await client.query(`
        select
          storage.foldername('a/b/c.tar.gz') as folders,
          storage.filename('a/b/c.tar.gz') as file,
          storage.extension('a/b/c.tar.gz') as extension,
          storage.foldername('c.png') as no_folders`);
      expect(rows).toEqual([{ folders: ["a", "b"], file: "c.tar.gz", extension: "gz", no_folders: [] }]);
    });
  });

  it("lists the folders and the files one level below a prefix", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(
        client,
        `insert into storage.buckets (id, name) values ('docs', 'docs');
         insert into storage.objects (bucket_id, name, metadata) values
           ('docs', 'readme.md', '{"size": 10}'),
           ('docs', 'plans/may.md', '{"size": 20}'),
           ('docs', 'plans/june/first.md', '{"size": 30}')`,
      );
      const names = async (prefix: string, level: number) => {
        const { rows } = await client.query<{ name: string }>(
          "select name from storage.search($1, 'docs', 100, $2)",
          [prefix, level],
        );
        return rows.map((row) => row.name);
      };
      expect(await names("", 1)).toEqual(["plans", "readme.md"]);
      expect(await names("plans/", 2)).toEqual(["june", "may.md"]);
      expect(
        (await client.query("select bucket_id, size::int from storage.get_size_by_bucket()")).rows,
      ).toEqual([{ bucket_id: "docs", size: 60 }]);
    });
  });

  it("holds every function that migrations make triggers of, and they guard", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(
        client,
        `create trigger protect_buckets_delete before delete on storage.buckets
           for each statement execute function storage.protect_delete();
         create trigger enforce_bucket_name_length_trigger before insert or update of name on storage.buckets
           for each row execute function storage.enforce_bucket_name_length();
         create trigger update_objects_updated_at before update on storage.objects
           for each row execute function storage.update_updated_at_column()`,
      );
      await expect(migrate(client, "delete from storage.buckets")).rejects.toMatchObject({ code: "42501" });
      await expect(
        migrate(client, "insert into storage.buckets (id, name) values ('b', repeat('b', 101))"),
      ).rejects.toMatchObject({ code: "22001" });
    });
  });
});

describe("realtime", () => {
  it("lets a migration add tables to the publication", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(
        client,
        `create table public.notes (id int primary key);
         alter publication supabase_realtime add table public.notes;
         alter table public.notes replica identity full`,
      );
      expect(await value(client, "select tablename from pg_publication_tables")).toBe("notes");
    });
  });

  it("records a message that is sent, and shows it to whom a policy lets into the topic", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(
        client,
        `create policy "room 1" on realtime.messages for select to authenticated
           using (realtime.topic() = 'room:1' and topic = 'room:1')`,
      );
      await migrate(client, `select realtime.send('{"text": "hello"}', 'greeting', 'room:1')`);
      const heard =
        "select payload, event, private from realtime.messages where realtime.topic() is not null";
      expect(await rowsAs(client, "authenticated", {}, heard)).toEqual([]);
      await client.query("select set_config('realtime.topic', 'room:1', false)");
      expect(await rowsAs(client, "authenticated", {}, heard)).toEqual([
        { payload: { text: "hello" }, event: "greeting", private: true },
      ]);
    });
  });
});

describe("extensions", () => {
  it.each([
    'create extension if not exists "uuid-ossp" with schema extensions',
    "create extension if not exists pgcrypto",
    "create extension if not exists pg_stat_statements with schema extensions",
    "create extension if not exists pg_trgm with schema extensions",
    "create extension if not exists citext",
    "create extension if not exists unaccent",
    "create extension if not exists btree_gist",
    "create extension if not exists moddatetime schema extensions",
    "create extension if not exists postgres_fdw with schema extensions",
    "create extension if not exists earthdistance cascade",
    "create extension if not exists pgstattuple with schema extensions",
    "create extension if not exists pg_cron with schema pg_catalog",
    "create extension if not exists pg_cron with schema extensions",
    "create extension if not exists pg_net with schema extensions",
    "create extension if not exists http with schema extensions",
    "create extension if not exists pgjwt with schema extensions",
    "create extension if not exists supabase_vault with schema vault",
    "create extension if not exists pg_graphql with schema graphql",
    "create extension if not exists index_advisor with schema extensions cascade",
  ])("a migration may say: %s", async (sql) => {
    await withDatabase(({ client }) => migrate(client, sql));
  });

  it.each(["citext", "btree_gist", "pg_trgm", "unaccent", "hstore", "ltree"])(
    "%s can be moved out of public by the role that created it",
    async (name) => {
      await withDatabase(async ({ client }) => {
        await migrate(client, `create extension ${name} with schema public`);
        await migrate(client, `alter extension ${name} set schema extensions`);
        expect(
          await value(
            client,
            `select extnamespace::regnamespace::text from pg_extension where extname = '${name}'`,
          ),
        ).toBe("extensions");
        expect(await value(client, "select rolsuper from pg_roles where rolname = current_user")).toBe(false);
      });
    },
  );

  it("a role that fails to alter an extension is left without the rights it was lent", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, "create extension unaccent with schema public");
      await expect(migrate(client, "alter extension unaccent set schema nowhere")).rejects.toMatchObject({
        code: "3F000",
      });
      expect(await value(client, "select rolsuper from pg_roles where rolname = current_user")).toBe(false);
    });
  });

  it("a foreign server can be described without being a superuser", async () => {
    await withDatabase(({ client }) =>
      migrate(
        client,
        `create extension postgres_fdw with schema extensions;
         create server elsewhere foreign data wrapper postgres_fdw options (host 'elsewhere');
         create user mapping for postgres server elsewhere options (user 'reader', password 'secret')`,
      ),
    );
  });

  it("every stub says in its description that it is one", async () => {
    await withDatabase(async ({ client }) => {
      const { rows } = await client.query<{ name: string; comment: string }>(`
        select name, comment
        from pg_available_extensions
        where name in (
          'pg_cron', 'pg_net', 'http', 'pgjwt', 'supabase_vault', 'pg_graphql', 'hypopg', 'index_advisor'
        )`);
      expect(rows).toHaveLength(8);
      for (const { name, comment } of rows) expect(comment).toContain(`stub of ${name}`);
    });
  });
});

describe("stubs that record what was asked", () => {
  it("cron.schedule keeps the job it was asked for, in place of one of the same name", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, "create extension pg_cron with schema pg_catalog");
      await migrate(client, "select cron.schedule('nightly', '0 3 * * *', 'select 1')");
      await migrate(client, "select cron.schedule('nightly', '0 4 * * *', 'select 2')");
      const { rows } = await client.query(
        "select jobname, schedule, command, username, active from cron.job",
      );
      expect(rows).toEqual([
        {
          jobname: "nightly",
          schedule: "0 4 * * *",
          command: "select 2",
          username: "postgres",
          active: true,
        },
      ]);
    });
  });

  it("cron.unschedule forgets a job by its name, and names one it does not know", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, "create extension pg_cron");
      await migrate(client, "select cron.schedule('often', '30 seconds', 'select 1')");
      await migrate(client, "select cron.unschedule('often')");
      expect(await value(client, "select count(*)::int from cron.job")).toBe(0);
      await expect(migrate(client, "select cron.unschedule('often')")).rejects.toThrow(/'often'/);
    });
  });

  it("cron.schedule refuses what is not a schedule", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, "create extension pg_cron");
      for (const schedule of ["whenever", "* * * *", "90 seconds"]) {
        await expect(
          migrate(client, `select cron.schedule('job', '${schedule}', 'select 1')`),
        ).rejects.toMatchObject({ code: "22023" });
      }
    });
  });

  it("net.http_post queues the request it was asked for, whoever asks", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, "create extension pg_net with schema extensions");
      await migrate(
        client,
        `set local role authenticated;
         select net.http_post(
           url := 'https://example.com/hook',
           body := '{"id": 1}'::jsonb,
           params := '{"q": "a b&c"}'::jsonb,
           headers := '{"Content-Type": "application/json", "X-Key": "k"}'::jsonb,
           timeout_milliseconds := 1000
         )`,
      );
      const { rows } = await client.query(`
        select method, url, headers ->> 'X-Key' as key, convert_from(body, 'UTF8') as body, timeout_milliseconds
        from net.http_request_queue`);
      expect(rows).toEqual([
        {
          method: "POST",
          url: "https://example.com/hook?q=a%20b%26c",
          key: "k",
          body: '{"id": 1}',
          timeout_milliseconds: 1000,
        },
      ]);
    });
  });

  it("a database webhook notes each change, with pg_net and without", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(
        client,
        `create table public.orders (id int primary key);
         create trigger tell after insert on public.orders for each row execute function
           supabase_functions.http_request('https://example.com', 'POST', '{"Content-Type": "application/json"}', '{}', '1000');
         insert into public.orders values (1)`,
      );
      await migrate(client, "create extension pg_net; insert into public.orders values (2)");
      const { rows } = await client.query(
        "select hook_name, request_id is not null as queued from supabase_functions.hooks order by id",
      );
      expect(rows).toEqual([
        { hook_name: "tell", queued: false },
        { hook_name: "tell", queued: true },
      ]);
      expect(
        await value(
          client,
          "select convert_from(body, 'UTF8')::jsonb #>> '{record,id}' from net.http_request_queue",
        ),
      ).toBe("2");
    });
  });

  it("vault gives a secret back, and says that it was kept in clear", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, "select vault.create_secret('first', 'api_key', 'of the mail service')");
      await migrate(
        client,
        "select vault.update_secret((select id from vault.secrets where name = 'api_key'), 'second')",
      );
      expect(await value(client, "select decrypted_secret from vault.decrypted_secrets")).toBe("second");
      expect(await value(client, "select obj_description('vault.secrets'::regclass)")).toContain(
        "clear text",
      );
      await expect(
        rowsAs(client, "authenticated", {}, "select * from vault.decrypted_secrets"),
      ).rejects.toMatchObject({ code: "42501" });
    });
  });

  it("http answers every request with status 503, so that callers fall back", async () => {
    await withDatabase(async ({ client }) => {
      await migrate(client, "create extension http with schema extensions");
      const { rows } = await client.query(`
        select status from http_get('https://example.com')
        union all select status from http_post('https://example.com', '{}', 'application/json')
        union all select status from http_delete('https://example.com')
        union all select status from http(('PUT', 'https://example.com', array[http_header('a', 'b')], 'text/plain', '')::http_request)`);
      expect(rows).toEqual(Array(4).fill({ status: 503 }));
      expect(await value(client, "select urlencode('a é&b')")).toBe("a%20%C3%A9%26b");
    });
  });
});

describe("stubs with real bodies", () => {
  it("pgjwt signs tokens that verify with their secret alone, and only in their time", async () => {
    await withDatabase(async ({ client }) => {
      const { rows } = await client.query(`
        select
          (select valid from extensions.verify(extensions.sign('{"sub": "1"}', 'key'), 'key')) as signed,
          (select valid from extensions.verify(extensions.sign('{"sub": "1"}', 'key'), 'other')) as forged,
          (select valid from extensions.verify(extensions.sign('{"exp": 1}', 'key'), 'key')) as expired,
          (select payload ->> 'sub' from extensions.verify(extensions.sign('{"sub": "ü"}', 'key', 'HS512'), 'key', 'HS512')) as sub`);
      expect(rows).toEqual([{ signed: true, forged: false, expired: false, sub: "ü" }]);
    });
  });
});

describe("a call that cannot be faithful", () => {
  it.each([
    ["pg_graphql", "select graphql_public.graphql(query => '{ notes { id } }')"],
    ["hypopg", "select * from hypopg_create_index('create index on pg_class (relname)')"],
    ["index_advisor", "select * from index_advisor('select 1')"],
  ])("raises a clear error: %s", async (extension, sql) => {
    await withDatabase(async ({ client }) => {
      await migrate(client, "create extension index_advisor with schema extensions cascade");
      await expect(migrate(client, sql)).rejects.toMatchObject({
        code: "0A000",
        message: expect.stringMatching(new RegExp(`stub of ${extension};.*engine: \\{ url \\}`)),
      });
    });
  });

  it.each(["plpgsql_check", "pgtap", "vector"])(
    "has no stub to hide behind where a lie would do harm: %s",
    async (extension) => {
      await withDatabase(async ({ client }) => {
        await expect(migrate(client, `create extension ${extension}`)).rejects.toMatchObject({
          code: "0A000",
        });
      });
    },
  );
});
