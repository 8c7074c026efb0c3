import { describe, expect, it } from "vitest";
import { listFilledViews, refreshViews } from "../../src/copy/index.js";
import { withCopySession } from "../support/copying.js";
import { withDatabaseUrl } from "../support/database.js";
import { query } from "../support/inspect.js";

describe("materialised views", () => {
  it("are listed each after those it reads, also through views and functions in between", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        `create table base as select 1 as n;
         create materialized view z_first as select n from base;
         create view between_1 as select n from z_first;
         create view between_2 as select n from between_1;
         create materialized view y_second as select n from between_2;
         create function reads_second() returns setof int begin atomic select n from y_second; end;
         create materialized view x_third as select reads_second() as n;
         create schema "Öther";
         create materialized view "Öther"."w ""fourth""" as select x.n from x_third x join z_first z using (n) join y_second y using (n);
         create materialized view a_last as select * from "Öther"."w ""fourth""";
         create materialized view alone as select n from base`,
      );
      await withCopySession(url, async (client) => {
        const views = await listFilledViews(client, ["public", "Öther"]);
        expect(views.map(({ name }) => name)).toEqual([
          "alone",
          "z_first",
          "y_second",
          "x_third",
          'w "fourth"',
          "a_last",
        ]);
        await query(url, "insert into base values (2)");
        await refreshViews(client, views);
        for (const { schema, name } of views) {
          const { rows } = await client.query(
            `select n from "${schema}"."${name.replaceAll('"', '""')}" order by n`,
          );
          expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
        }
        expect((await listFilledViews(client, ["Öther"])).map(({ name }) => name)).toEqual(['w "fourth"']);
        expect(await listFilledViews(client, [])).toEqual([]);
      });
    });
  });

  it("that are not filled, or read one that is not, are left as they are", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        `create materialized view filled as select 1 as n;
         create materialized view empty as select 1 as n;
         create materialized view reader as select n from empty;
         create view between as select n from reader;
         create materialized view far_reader as select n from between;
         create materialized view never as select 1 as n with no data;
         refresh materialized view empty with no data`,
      );
      await withCopySession(url, async (client) => {
        const views = await listFilledViews(client, ["public"]);
        expect(views).toEqual([{ schema: "public", name: "filled" }]);
        await refreshViews(client, views);
      });
    });
  });

  it("are listed though views read each other in a circle", async () => {
    await withDatabaseUrl(async (url) => {
      await query(
        url,
        `create view one as select 1 as n;
         create view two as select n from one;
         create or replace view one as select n from two;
         create materialized view mv as select n from one with no data;
         create materialized view fine as select 1 as n`,
      );
      await withCopySession(url, async (client) => {
        expect(await listFilledViews(client, ["public"])).toEqual([{ schema: "public", name: "fine" }]);
      });
    });
  });
});
