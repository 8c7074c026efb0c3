import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readSequences, restoreSequences } from "../../src/copy/index.js";
import type { Client } from "../../src/postgres/index.js";
import { addressOf, withCopySession } from "../support/copying.js";
import { withDatabase, withDatabaseUrl } from "../support/database.js";
import { failure } from "../support/failure.js";
import { query } from "../support/inspect.js";

const sequences = `
  create sequence fresh;
  create sequence started start 500;
  create sequence used; select nextval('used') from generate_series(1, 40);
  create sequence down increment -3 minvalue -100 maxvalue -1; select nextval('down') from generate_series(1, 5);
  create sequence round maxvalue 3 cycle; select nextval('round') from generate_series(1, 5);
  create sequence ended maxvalue 3; select nextval('ended') from generate_series(1, 3);
  create sequence bottom increment -1 minvalue -2 maxvalue 0; select nextval('bottom') from generate_series(1, 3);
  create sequence highest as bigint; select setval('highest', 9223372036854775806);
  create sequence lowest as bigint minvalue -9223372036854775808; select setval('lowest', -9223372036854775808);
  create sequence put as smallint; select setval('put', 300, false);
  create sequence cached cache 50; select nextval('cached');
  create unlogged sequence volatile; select nextval('volatile');
  create table owner (id serial, other int generated always as identity (start with 10 increment by 10));
  insert into owner select from generate_series(1, 7);
  create sequence "Ünï ""quoted"" 'one'"; select nextval('"Ünï ""quoted"" ''one''"');
`;

const disturb = `
  do $$ declare name text; begin
    for name in select oid::regclass from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace loop
      execute format('alter sequence %s restart', name);
      perform nextval(name);
      perform nextval(name);
    end loop; end $$
`;

/** The next two values that each sequence gives, or what it says instead. */
async function nextValues(client: Client): Promise<Record<string, string[]>> {
  const values: Record<string, string[]> = {};
  const { rows } = await client.query<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace order by relname",
  );
  for (const { name } of rows) {
    const given: string[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      await client.query("savepoint before");
      try {
        const next = await client.query<{ value: string }>("select nextval($1) as value", [name]);
        given.push(next.rows[0]?.value ?? "");
      } catch {
        given.push("at its end");
        await client.query("rollback to before");
      }
    }
    values[name] = given;
  }
  return values;
}

describe("sequences", () => {
  it("are put back so that they go on exactly as they would have", async () => {
    await withDatabaseUrl(async (original) => {
      await withDatabaseUrl(async (copy) => {
        for (const url of [original, copy]) await query(url, sequences);
        await query(copy, disturb);
        await withCopySession(original, async (from) => {
          await withCopySession(copy, async (to) => {
            const states = await readSequences(from, ["public"]);
            expect(states).toHaveLength(15);
            await restoreSequences(to, states);
            expect(await readSequences(to, ["public"])).toEqual(states);
            for (const client of [from, to]) await client.query("begin");
            expect(await nextValues(to)).toEqual(await nextValues(from));
          });
        });
      });
    });
  });

  it("are as before when the transaction that put them back is undone", async () => {
    await withDatabaseUrl(async (url) => {
      await query(url, sequences);
      await withCopySession(url, async (client) => {
        const states = await readSequences(client, ["public"]);
        await query(url, disturb);
        const disturbed = await readSequences(client, ["public"]);
        await client.query("begin");
        await restoreSequences(client, states);
        expect(await readSequences(client, ["public"])).toEqual(states);
        await client.query("rollback");
        expect(await readSequences(client, ["public"])).toEqual(disturbed);
      });
    });
  });

  it("may be more than one statement reads", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        "do $$ begin for i in 1..450 loop execute format('create sequence s_%s start %s', i, i); end loop; end $$",
      );
      await withCopySession(url, async (client) => {
        const states = await readSequences(client, ["public"]);
        expect(states).toHaveLength(450);
        for (const { name, lastValue, isCalled } of states) {
          expect([name, isCalled]).toEqual([`s_${lastValue}`, false]);
        }
        expect(await readSequences(client, [])).toEqual([]);
        await restoreSequences(client, []);
      });
    });
  });

  it("that the role may not read are named", async () => {
    await withDatabase(async ({ client, admin, url }) => {
      const role = `reader_${randomBytes(4).toString("hex")}`;
      await client.query("create sequence closed; create sequence open");
      await admin.query(
        `create role ${role} login password 'x'; revoke all on sequence closed, open from public; grant select on sequence open to ${role}`,
      );
      try {
        const address = addressOf(url).with({ user: role, password: "x" });
        const work = withCopySession(
          address.withPassword(),
          async (session) => await readSequences(session, ["public"]),
        );
        const error = await failure(work);
        expect(error).toMatchObject({ code: "right-missing" });
        expect(error.message).toBe('The role lacks the right to select from "public"."closed".');
      } finally {
        await admin.query(`drop owned by ${role} cascade; drop role ${role}`);
      }
    });
  });
});
