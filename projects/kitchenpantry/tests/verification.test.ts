import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { locateTarget, migrateUp, Operation, openProject } from "../../../packages/pantler/src/index.js";
import { sqlstateOf } from "../../../packages/pantler/src/postgres/index.js";
import { withDatabaseUrl } from "../../../packages/pantler/tests/support/database.js";
import { query } from "../../../packages/pantler/tests/support/inspect.js";
import {
  type Ask,
  anon,
  directly,
  pooled,
  type Sender,
  signedIn,
  type Way,
} from "../../../packages/pantler/tests/support/requests.js";

const folder = fileURLToPath(new URL("..", import.meta.url));

let url = "";
let finish = () => {};
let ended: Promise<void> = Promise.resolve();

beforeAll(async () => {
  await new Promise<void>((ready, failed) => {
    ended = withDatabaseUrl(async (made) => {
      const project = await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: made } });
      await migrateUp(await locateTarget(project, "local"), {}, new Operation());
      url = made;
      await new Promise<void>((done) => {
        finish = done;
        ready();
      });
    });
    ended.catch(failed);
  });
}, 60_000);

afterAll(async () => {
  finish();
  await ended;
});

/** Two users with rows of their own, an admin, and what belongs to everybody. */
interface Story {
  readonly a: Sender;
  readonly b: Sender;
  readonly admin: Sender;
  readonly ids: Readonly<Record<"a" | "b" | "shared", Readonly<Record<Kind, string>>>>;
  readonly users: { readonly a: string; readonly b: string };
}

type Kind = "organizations" | "contacts" | "products" | "opportunities" | "interactions";

const keys: Readonly<Record<Kind, string>> = {
  organizations: "organization_id",
  contacts: "contact_id",
  products: "product_id",
  opportunities: "opportunity_id",
  interactions: "interaction_id",
};

const kinds = Object.keys(keys) as Kind[];

/** Makes users of a test's own, and has A and B create theirs as the application would. */
async function tell(way: Way): Promise<Story> {
  const ids = () => Object.fromEntries(kinds.map((kind) => [kind, randomUUID()])) as Record<Kind, string>;
  const users = { a: randomUUID(), b: randomUUID(), admin: randomUUID() };
  for (const [name, id] of Object.entries(users)) {
    await query(url, "insert into auth.users (id, email) values ($1, $2)", [id, `${name}.${id}@test.local`]);
  }
  const story: Story = {
    a: signedIn(users.a, users.a),
    b: signedIn(users.b, users.b),
    admin: signedIn(users.admin, users.admin, { role: "admin" }),
    ids: { a: ids(), b: ids(), shared: ids() },
    users,
  };
  const { shared } = story.ids;
  await query(url, "insert into organizations (organization_id, name) values ($1, $2)", [
    shared.organizations,
    `Shared ${shared.organizations}`,
  ]);
  await query(
    url,
    "insert into products (product_id, principal_org_id, name, category) values ($1, $2, 'Shared', 'dairy')",
    [shared.products, shared.organizations],
  );
  await query(
    url,
    "insert into contacts (contact_id, organization_id, first_name, last_name) values ($1, $2, 'Of', 'All')",
    [shared.contacts, shared.organizations],
  );
  await way.request(story.a, async (ask) => await create(ask, story.ids.a, users.a, shared));
  await way.request(story.b, async (ask) => await create(ask, story.ids.b, users.b, shared));
  return story;
}

async function create(
  ask: Ask,
  own: Record<Kind, string>,
  user: string,
  shared: Record<Kind, string>,
): Promise<void> {
  await ask("insert into organizations (organization_id, name, owner_user_id) values ($1, $2, $3)", [
    own.organizations,
    `Of ${user}`,
    user,
  ]);
  await ask(
    "insert into contacts (contact_id, organization_id, first_name, last_name, owner_user_id) values ($1, $2, 'Of', 'Me', $3)",
    [own.contacts, own.organizations, user],
  );
  await ask(
    "insert into products (product_id, principal_org_id, name, category) values ($1, $2, 'Mine', 'dairy')",
    [own.products, own.organizations],
  );
  await ask(
    "insert into opportunities (opportunity_id, organization_id, contact_id, principal_org_id, name) values ($1, $2, $3, $4, 'Mine')",
    [own.opportunities, own.organizations, own.contacts, shared.organizations],
  );
  await ask(
    "insert into interactions (interaction_id, opportunity_id, interaction_type, subject) values ($1, $2, 'call', 'Mine')",
    [own.interactions, own.opportunities],
  );
}

/** Which rows of the story a sender sees, updates and deletes: their owners' letters, or what the server says instead. */
async function reachOf(way: Way, sender: Sender, kind: Kind, { ids }: Story): Promise<string> {
  const reach = async (statement: string) => {
    try {
      const wanted = Object.values(ids).map((each) => each[kind]);
      const rows = await way.request(sender, async (ask) => {
        const found = await ask(statement, [wanted]);
        if (statement.startsWith("delete")) throw new Undone(found);
        return found;
      });
      return labels(rows, kind, ids);
    } catch (error) {
      if (error instanceof Undone) return labels(error.rows, kind, ids);
      return sqlstateOf(error) ?? String(error);
    }
  };
  const [key, table] = [keys[kind], `public.${kind}`];
  const seen = await reach(`select ${key} as id from ${table} where ${key} = any ($1)`);
  const changed = await reach(
    `update ${table} set created_at = created_at where ${key} = any ($1) returning ${key} as id`,
  );
  const gone = await reach(`delete from ${table} where ${key} = any ($1) returning ${key} as id`);
  return `sees ${seen}, changes ${changed}, deletes ${gone}`;
}

/** Takes rows out of a request that is to leave nothing. */
class Undone extends Error {
  readonly rows: Record<string, unknown>[];
  constructor(rows: Record<string, unknown>[]) {
    super("undone on purpose");
    this.rows = rows;
  }
}

function labels(rows: readonly Record<string, unknown>[], kind: Kind, ids: Story["ids"]): string {
  const found = Object.entries(ids).filter(([, own]) => rows.some(({ id }) => id === own[kind]));
  return found.map(([owner]) => owner).join("+") || "none";
}

async function stageOf(story: Story): Promise<unknown> {
  const [row] = await query(url, "select stage from opportunities where opportunity_id = $1", [
    story.ids.a.opportunities,
  ]);
  return row?.stage;
}

async function refusal(work: Promise<unknown>): Promise<string | undefined> {
  return await work.then(
    () => undefined,
    (error: unknown) => sqlstateOf(error),
  );
}

describe.each([
  ["directly", directly],
  ["through a pooled connection", pooled],
] as const)("the verification matrix, %s", (_, open) => {
  let way: Way;
  beforeAll(() => {
    way = open(url);
  });
  afterAll(async () => await way.end());

  it("user A creates an organization, a contact, an opportunity: visible to A only", async () => {
    const story = await tell(way);
    for (const kind of kinds) {
      const shared = kind === "opportunities" || kind === "interactions" ? "" : "+shared";
      expect(await reachOf(way, story.a, kind, story), kind).toContain(`sees a${shared},`);
      expect(await reachOf(way, story.b, kind, story), kind).toContain(`sees b${shared},`);
      expect(await reachOf(way, story.admin, kind, story), kind).toContain(
        `sees ${shared.slice(1) || "none"},`,
      );
    }
  });

  it("user B sees and edits nothing of A's, unless the organization is shared, which nobody edits", async () => {
    const story = await tell(way);
    expect(await reachOf(way, story.b, "organizations", story)).toBe(
      "sees b+shared, changes b, deletes 42501",
    );
    expect(await reachOf(way, story.b, "contacts", story)).toBe("sees b+shared, changes b, deletes 42501");
    expect(await reachOf(way, story.b, "products", story)).toBe("sees b+shared, changes b, deletes 42501");
    expect(await reachOf(way, story.b, "opportunities", story)).toBe("sees b, changes b, deletes 42501");
    expect(await reachOf(way, story.b, "interactions", story)).toBe("sees b, changes b, deletes b");
    const steal = way.request(story.a, async (ask) => {
      await ask("update opportunities set owner_user_id = $1 where opportunity_id = $2", [
        story.users.b,
        story.ids.a.opportunities,
      ]);
    });
    expect(await refusal(steal)).toBe("42501");
  });

  it("each sees a pipeline and a dashboard of their own, and whoever has no token sees nothing", async () => {
    const story = await tell(way);
    await query(url, "select public.refresh_dashboard_view()");
    for (const [sender, user] of [
      [story.a, story.users.a],
      [story.b, story.users.b],
    ] as const) {
      const owners = await way.request(sender, async (ask) => [
        await ask("select distinct owner_user_id as id from reporting.pipeline_full"),
        await ask("select distinct owner_user_id as id from reporting.latest_interaction"),
        await ask("select distinct owner_user_id as id from reporting.my_dashboard"),
      ]);
      expect(owners).toEqual([[{ id: user }], [{ id: user }], [{ id: user }]]);
    }
    for (const kind of kinds) {
      expect(await reachOf(way, anon, kind, story)).toBe("sees 42501, changes 42501, deletes 42501");
    }
    const view = way.request(anon, async (ask) => await ask("select from reporting.pipeline_full"));
    expect(await refusal(view)).toBe("42501");
  });

  it("an interaction is visible to the opportunity's owner and to its own, and to nobody else", async () => {
    const story = await tell(way);
    await delegate(way, story);
    expect(await reachOf(way, story.a, "interactions", story)).toContain("sees a,");
    expect(await reachOf(way, story.b, "interactions", story)).toContain("sees a+b,");
    expect(await reachOf(way, story.admin, "interactions", story)).toContain("sees none,");
  });

  it("its drivers are edited by the opportunity's owner at any time, by its own within 24 hours", async () => {
    const story = await tell(way);
    await delegate(way, story);
    const edit = async (sender: Sender, stage: string) =>
      await refusal(
        way.request(sender, async (ask) => {
          const edited = await ask(
            "update interactions set stage = $1 where interaction_id = $2 returning interaction_id",
            [stage, story.ids.a.interactions],
          );
          expect(edited).toHaveLength(1);
        }),
      );
    expect(await edit(story.b, "initial_outreach")).toBeUndefined();
    expect(await stageOf(story)).toBe("initial_outreach");
    await query(
      url,
      "update interactions set created_at = now() - interval '24 hours 1 minute' where interaction_id = $1",
      [story.ids.a.interactions],
    );
    expect(await edit(story.b, "awaiting_response")).toBe("42501");
    expect(await stageOf(story)).toBe("initial_outreach");
    expect(await edit(story.a, "awaiting_response")).toBeUndefined();
    expect(await stageOf(story)).toBe("awaiting_response");
  });

  it("with stage_manual switched on, new and updated interactions do not change the stage", async () => {
    const story = await tell(way);
    const { opportunities, interactions } = story.ids.a;
    await way.request(story.a, async (ask) => {
      await ask("update opportunities set stage_manual = true where opportunity_id = $1", [opportunities]);
      await ask(
        "insert into interactions (opportunity_id, interaction_type, subject, stage, status) values ($1, 'call', 'New', 'initial_outreach', 'on_hold')",
        [opportunities],
      );
      await ask("update interactions set stage = 'awaiting_response' where interaction_id = $1", [
        interactions,
      ]);
    });
    expect(await stageOf(story)).toBe("new_lead");
    const [row] = await query(url, "select status from opportunities where opportunity_id = $1", [
      opportunities,
    ]);
    expect(row).toEqual({ status: "on_hold" });
  });

  it("deleting A is blocked; after admin_reassign_user_data(A, B) A's records are B's and deleting A succeeds", async () => {
    const story = await tell(way);
    const remove = query(url, "delete from auth.users where id = $1", [story.users.a]);
    expect(await refusal(remove)).toBe("23503");
    const reassign = async (sender: Sender) =>
      await way.request(
        sender,
        async (ask) =>
          await ask("select * from admin_reassign_user_data($1, $2)", [story.users.a, story.users.b]),
      );
    expect(await refusal(reassign(story.b))).toBe("42501");
    expect(await reassign(story.admin)).toEqual(
      ["organizations", "contacts", "opportunities", "interactions"].map((table_name) => ({
        table_name,
        rows_moved: "1",
      })),
    );
    expect(await reachOf(way, story.a, "opportunities", story)).toContain("sees none,");
    for (const kind of kinds) {
      expect(await reachOf(way, story.b, kind, story), kind).toContain("sees a+b");
    }
    await query(url, "delete from auth.users where id = $1", [story.users.a]);
    const [left] = await query(url, "select count(*)::int as left from auth.users where id = $1", [
      story.users.a,
    ]);
    expect(left).toEqual({ left: 0 });
  });

  it("the three probes of the document answer within 200 ms each, on average", async () => {
    const story = await tell(way);
    const started = performance.now();
    await way.request(story.a, async (ask) => {
      await ask("select count(*) from organizations");
      await ask(
        "select o.*, org.name from opportunities o join organizations org using (organization_id) limit 10",
      );
      await ask("select * from opportunities where owner_user_id = $1", [story.users.a]);
    });
    expect(performance.now() - started).toBeLessThan(3 * 200);
  });
});

/** Gives A's interaction to B, as only the owner of its opportunity may. */
async function delegate(way: Way, { a, ids, users }: Story): Promise<void> {
  await way.request(a, async (ask) => {
    await ask("update interactions set owner_user_id = $1 where interaction_id = $2", [
      users.b,
      ids.a.interactions,
    ]);
  });
}

describe("a pool of two connections that everybody shares", () => {
  it("lets nothing of one request reach the next, whoever sends them at once and whatever fails", async () => {
    const way = pooled(url, 2);
    try {
      const story = await tell(way);
      const senders: Sender[] = [story.a, story.b, story.admin, anon];
      const backends = new Map<unknown, Set<string>>();
      const requests = Array.from({ length: 200 }, async (_, place) => {
        const sender = senders[(place * 7 + Math.floor(place / 4)) % senders.length] ?? anon;
        if (place % 9 === 0) {
          const broken = way.request(sender, async (ask) => await ask("select 1 / 0"));
          expect(await refusal(broken)).toBe("22012");
        }
        return await way.request(sender, async (ask) => {
          const [who] = await ask(
            "select pg_backend_pid() as backend, current_user::text as role, coalesce(current_setting('request.jwt.claims', true), '') as claims",
          );
          const served = backends.get(who?.backend) ?? new Set();
          backends.set(who?.backend, served.add(sender.name));
          // Another request has its turn on the other connection meanwhile.
          await ask("select pg_sleep(0.002)");
          const rows =
            sender.role === "anon"
              ? []
              : await ask("select opportunity_id as id from opportunities order by 1");
          return { sender, who, rows };
        });
      });
      for (const { sender, who, rows } of await Promise.all(requests)) {
        expect(who).toMatchObject({ role: sender.role, claims: sender.claims });
        const own =
          sender === story.a ? [{ id: story.ids.a.opportunities }] : [{ id: story.ids.b.opportunities }];
        expect(rows).toEqual(sender === story.a || sender === story.b ? own : []);
      }
      expect(backends.size).toBe(2);
      for (const served of backends.values()) expect(served.size).toBe(senders.length);
      const [after] = (
        await way.pool.query(
          "select current_user::text as role, coalesce(current_setting('request.jwt.claims', true), '') as claims",
        )
      ).rows;
      expect(after).toEqual({ role: "authenticator", claims: "" });
    } finally {
      await way.end();
    }
  });

  it("gives the same answers as connections of one's own", async () => {
    const [own, shared] = [directly(url), pooled(url, 2)];
    try {
      const story = await tell(own);
      for (const kind of kinds) {
        for (const sender of [story.a, story.b, story.admin, anon]) {
          expect(await reachOf(shared, sender, kind, story), `${kind} ${sender.name}`).toBe(
            await reachOf(own, sender, kind, story),
          );
        }
      }
    } finally {
      await own.end();
      await shared.end();
    }
  });
});
