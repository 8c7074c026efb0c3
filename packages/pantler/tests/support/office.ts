import {
  type HandoverResult,
  type OffboardRequest,
  Operation,
  type OperationEvent,
  offboardUser,
  type ReassignRequest,
  reassignRows,
  type Target,
} from "../../src/index.js";
import { withDatabaseUrl } from "./database.js";
import { query } from "./inspect.js";
import { withFolder } from "./project.js";
import { targetOf } from "./target-of.js";

export const ann = "11111111-1111-4111-8111-111111111111";
export const bob = "22222222-2222-4222-8222-222222222222";

/** Rows that users own, rows about them, a log without a foreign key, files, and sessions. */
export const office = `
create table public.clients (
  id int primary key, name text not null, owner_id uuid not null references auth.users on delete restrict,
  deleted_at timestamptz
);
create table public.notes (
  id int primary key, client_id int not null references public.clients, author uuid references auth.users on delete cascade,
  editor uuid references auth.users on delete set null, body text
);
create table public.roles (user_id uuid not null references auth.users on delete cascade, role text, primary key (user_id, role));
create table public.quotes (
  id int primary key, user_id uuid not null references auth.users, number text not null, unique (user_id, number)
);
create table public.logs (id int primary key, actor uuid);
alter table public.clients enable row level security;
create policy own on public.clients using (owner_id = (select auth.uid()));

insert into auth.users (id, email, raw_app_meta_data) values
  ('${ann}', 'ann@office.example', '{"role": "manager"}'), ('${bob}', 'bob@office.example', '{}');
insert into auth.identities (user_id, provider, provider_id, identity_data)
  select id, 'email', id::text, jsonb_build_object('sub', id, 'email', email) from auth.users;
insert into auth.sessions (id, user_id) values (gen_random_uuid(), '${ann}'), (gen_random_uuid(), '${bob}');
insert into auth.refresh_tokens (token, user_id, session_id) select 't' || user_id, user_id, id from auth.sessions;
insert into auth.refresh_tokens (token, user_id) values ('stray', '${ann}');
insert into storage.buckets (id, name) values ('papers', 'papers');
insert into storage.objects (bucket_id, name, owner, owner_id) values
  ('papers', 'a.pdf', '${ann}', '${ann}'), ('papers', 'b.pdf', '${bob}', '${bob}');
insert into public.clients values
  (1, 'one', '${ann}', null), (2, 'two', '${ann}', now()), (3, 'three', '${bob}', null);
insert into public.notes values (1, 1, '${ann}', '${ann}', 'x'), (2, 3, '${bob}', '${ann}', 'y'), (3, 3, '${bob}', null, 'z');
insert into public.roles values ('${ann}', 'admin'), ('${ann}', 'member'), ('${bob}', 'member');
insert into public.quotes values (1, '${ann}', 'Q-1'), (2, '${ann}', 'Q-2'), (3, '${bob}', 'Q-3');
insert into public.logs values (1, '${ann}'), (2, '${bob}');
`;

type Rows = Record<string, unknown>[];

/** A project whose environments `local` and `production` are the same database. */
export interface Office {
  readonly root: string;
  readonly url: string;
  readonly local: Target;
  readonly production: Target;
  readonly events: OperationEvent[];
  readonly ask: (text: string) => Promise<Rows>;
  readonly reassign: (request?: Partial<ReassignRequest>, how?: How) => Promise<HandoverResult>;
  readonly offboard: (request?: Partial<OffboardRequest>, how?: How) => Promise<HandoverResult>;
}

interface How {
  readonly target?: Target;
  readonly signal?: AbortSignal;
}

/**
 * Runs a test with such a project.
 * @param more SQL after that of the office
 * @param config the settings of its pantler.config.json
 */
export async function withOffice(
  test: (office: Office) => Promise<void>,
  { more = "", config = {} }: { readonly more?: string; readonly config?: object } = {},
): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const files = {
      "supabase/config.toml": 'project_id = "office"\n',
      "pantler.config.json": JSON.stringify(config),
      ".env": `PANTLER_ENGINE_URL=${url}\n`,
      ".env.production": `DATABASE_URL=${url}\n`,
    };
    await withFolder(files, async (root) => {
      await query(url, office + more);
      const events: OperationEvent[] = [];
      const operation = new Operation((event) => events.push(event));
      const local = await targetOf(root, "local");
      const shared = { keys: {}, confirm: async ({ phrase }: { phrase: string | undefined }) => phrase };
      await test({
        root,
        url,
        local,
        production: await targetOf(root, "production"),
        events,
        ask: (text) => query(url, text),
        reassign: async (request, { target = local, signal } = {}) =>
          await reassignRows(
            target,
            { ...shared, from: "ann@office.example", to: "bob@office.example", ...request },
            operation,
            signal,
          ),
        offboard: async (request, { target = local, signal } = {}) =>
          await offboardUser(
            target,
            { ...shared, user: "ann@office.example", to: "bob@office.example", ...request },
            operation,
            signal,
          ),
      });
    });
  });
}
