import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDigests, digestTable, digestText, emptyDigest } from "../../src/copy/index.js";
import { RowDigester } from "../../src/copy/row-digester.js";
import { hashBytes } from "../../src/copy/row-hash.js";
import { bothDigests, copiedText, tableNamed, wholeOf, withCopySession } from "../support/copying.js";
import { withDatabaseUrl } from "../support/database.js";

/** Everything that COPY or a row's text writes in a way of its own, and what might be taken for it. */
const awkward = [
  ..."\t\n\r\b\f\v\\\"'(),{}[] \u0001\u001f\u007f\u0085\u00a0\u2028\u3000NnrtbfvéßžЖ日🙂👩‍👩‍👧",
  "\\N",
  "\\.",
  "\\\\",
  '""',
  "\\t",
  "\r\n",
];

/** A text that the server can keep: no zero bytes, no halves of characters. */
function storable(any: string): string {
  return Buffer.from(any.replaceAll("\0", "")).toString();
}

const text = fc.oneof(
  fc.array(fc.constantFrom(...awkward), { maxLength: 12 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 40 }).map(storable),
  fc.constantFrom("", "\\N", "\\.", "NULL", "()"),
);
const maybeText = fc.option(text, { freq: 6 });

describe("a digest computed from what COPY sends", () => {
  it("equals the server's for any texts", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        await client.query("create table public.texts (a text, b text, c text)");
        const table = await tableNamed(client, "texts");
        const rows = fc.array(fc.tuple(maybeText, maybeText, maybeText), { maxLength: 8 });
        await fc.assert(
          fc.asyncProperty(rows, async (values) => {
            await client.query("truncate public.texts");
            await client.query(
              "insert into public.texts select * from unnest($1::text[], $2::text[], $3::text[])",
              [0, 1, 2].map((column) => values.map((row) => row[column])),
            );
            const { digest } = await copiedText(client, wholeOf(table));
            expect(digest).toEqual(await digestTable(client, table));
          }),
          { numRuns: 300 },
        );
      });
    });
  });

  it("equals the server's for every character of the basic plane and the next", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        await client.query(
          `create table public.characters as select chr(n) as alone, 'x' || chr(n) || 'y' as within
           from generate_series(1, x'1ffff'::int) n where n not between x'd800'::int and x'dfff'::int`,
        );
        const { stream, server } = await bothDigests(client, "characters");
        expect(stream).toEqual(server);
        expect(stream.rows).toBe(129_023n);
      });
    });
  });

  it("equals the server's for a single column, where a null and an empty text look much alike", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        await client.query("create table public.texts (a text)");
        const table = await tableNamed(client, "texts");
        await fc.assert(
          fc.asyncProperty(fc.array(maybeText, { maxLength: 8 }), async (values) => {
            await client.query("truncate public.texts");
            await client.query("insert into public.texts select * from unnest($1::text[])", [values]);
            const { digest } = await copiedText(client, wholeOf(table));
            expect(digest).toEqual(await digestTable(client, table));
          }),
          { numRuns: 150 },
        );
        await client.query("truncate public.texts");
        await client.query("insert into public.texts values (null), (''), (null), ('')");
        const { stream, server } = await bothDigests(client, "texts");
        expect(stream).toEqual(server);
        await client.query("update public.texts set a = '' where a is null");
        expect((await bothDigests(client, "texts")).stream).not.toEqual(stream);
      });
    });
  });

  it("equals the server's for values of every kind", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        await client.query(`
          set search_path = public, extensions;
          create type pair as (one text, two int, three text[]);
          create type mood as enum ('happy', 'so so', '"', '');
          create domain words as text[];
          create table kinds (
            b bytea, texts text[], nested text[][], p pair, pairs pair[], j json, jb jsonb, f4 real, f8 double precision,
            n numeric, m money, t timestamptz, d date, i interval, r tstzrange, mr int4multirange, u uuid, bit varbit,
            point point, path path, inet inet, mac macaddr, ts tsvector, x xml, c char(6), one "char", m2 mood, ds words,
            o boolean, cls regclass, l pg_lsn, jp jsonpath);
        `);
        const table = await tableNamed(client, "kinds");
        const json = fc.json({ maxDepth: 3 }).filter((written) => !written.includes("\\u0000"));
        const number = fc.double();
        const row = fc.record({
          b: fc.option(fc.uint8Array({ maxLength: 30 })),
          texts: fc.option(fc.array(maybeText, { maxLength: 4 })),
          text: maybeText,
          j: fc.option(json),
          f: fc.option(number),
          n: fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
          t: fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }),
        });
        await fc.assert(
          fc.asyncProperty(fc.array(row, { maxLength: 4 }), async (rows) => {
            await client.query("truncate public.kinds");
            for (const { b, texts, text, j, f, n, t } of rows) {
              await client.query(
                `insert into public.kinds
                 select $1::bytea, $2::text[], array[$2::text[], $2::text[]], ($3::text, 1, $2::text[])::public.pair,
                   array[($3::text, 2, null)::public.pair, null], $4::json, $4::jsonb, $5::real, $5::double precision,
                   $6::numeric / 1000, ($6::numeric % 1000000)::money, $7::timestamptz, $7::timestamptz::date,
                   $7::timestamptz - 'epoch', tstzrange($7, null), '{[1,3),[5,7)}', gen_random_uuid(), '1011',
                   '(1.5,-2)', '((0,0),(1,1e10))', '10.0.0.0/8', '08:00:2b:01:02:03', $8::text::tsvector, '<a b="1"/>',
                   left($8::text, 6), '"', 'so so', $2::text[], $5::double precision > 0, 'public.kinds', '16/B374D848', '$.a[*] ? (@ > 1)'`,
                [
                  b === null ? null : Buffer.from(b),
                  texts,
                  text,
                  j,
                  f === null ? null : Math.fround(f),
                  String(n),
                  t,
                  "it 'is' so",
                ],
              );
            }
            const { digest } = await copiedText(client, wholeOf(table));
            expect(digest).toEqual(await digestTable(client, table));
          }),
          { numRuns: 60 },
        );
      });
    });
  });

  it.each([
    ["no columns", "create table public.t ()", "insert into public.t select from generate_series(1, 7)", 7n],
    ["no rows", "create table public.t (a int, b text)", "select", 0n],
    ["only nulls", "create table public.t (a int)", "insert into public.t values (null), (null)", 2n],
    [
      "only generated columns",
      "create table public.t (a int, b int generated always as (1) stored); alter table public.t drop column a",
      "insert into public.t select from generate_series(1, 3)",
      3n,
    ],
    [
      "dropped, generated and oddly named columns",
      `create table public.t (gone int, "select" text, "Ünï ""quoted"" 🙂" text, "," text, g text generated always as ("select" || 'x') stored);
       alter table public.t drop column gone`,
      `insert into public.t values ('a', 'b', null), ('', ',', '"')`,
      2n,
    ],
    [
      "1,500 columns",
      `do $$ begin execute 'create table public.t (' || (select string_agg('c' || n || ' text', ',') from generate_series(1, 1500) n) || ')'; end $$`,
      `do $$ begin for i in 1..5 loop execute 'insert into public.t select ' || (select string_agg(quote_nullable(case n * i % 4 when 0 then null when 1 then '' when 2 then '(' else n::text end), ',') from generate_series(1, 1500) n); end loop; end $$`,
      5n,
    ],
  ])("equals the server's for a table with %s", async (_, create, fill, rows) => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        await client.query(create);
        await client.query(fill);
        const { stream, server } = await bothDigests(client, "t");
        expect(stream).toEqual(server);
        expect(stream.rows).toBe(rows);
      });
    });
  });

  it("is left to the server for rows of more than 4 MB, and still counts every row", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        await client.query("create table public.long (n int, body text)");
        await client.query("alter table public.long alter body set storage external");
        await client.query(
          `insert into public.long
           select n, case when n % 3 = 0 then repeat('0123456789abcdef', 300000) else 'short' end
           from generate_series(1, 8) n`,
        );
        const { stream, server } = await bothDigests(client, "long");
        expect(stream).toEqual(server);
        expect(stream.rows).toBe(8n);
      });
    });
  });
});

describe("the digester", () => {
  it("gives the same digest wherever the stream is cut, and whoever uses the memory again", () => {
    const line = fc
      .array(fc.constantFrom("a", "long ".repeat(9), "", "\\N", "\\\\", "\\t", '"', "\\n", "é", "(", "🙂"), {
        minLength: 2,
        maxLength: 2,
      })
      .map((values) => `${values.join("\t")}\n`);
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 50 }),
        (lines, sizes) => {
          const bytes = Buffer.from(lines.join(""));
          const whole = new RowDigester(2);
          whole.add(bytes);
          const cut = new RowDigester(2);
          const shared = Buffer.alloc(64);
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const size = Math.min(sizes[turn % sizes.length] ?? 1, bytes.length - at);
            bytes.copy(shared, 0, at, at + size);
            cut.add(shared.subarray(0, size));
            at += size;
          }
          expect(cut.finish()).toEqual(whole.finish());
          expect(cut.rows).toBe(lines.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("holds a row of 4 MB, and says of a longer one that it is too long", () => {
    const limit = 4 * 1024 * 1024;
    for (const [length, overflowed] of [
      [limit, false],
      [limit + 1, true],
    ] as const) {
      const digester = new RowDigester(1);
      const line = Buffer.alloc(length, "x");
      line[length - 1] = 0x0a;
      digester.add(Buffer.from("one\n"));
      for (let at = 0; at < length; at += 65_536) digester.add(line.subarray(at, at + 65_536));
      digester.add(Buffer.from("two\n"));
      expect(digester.rows).toBe(3);
      expect(digester.overflowed).toBe(overflowed);
      if (overflowed) expect(() => digester.finish()).toThrow("too long");
    }
  });

  it("refuses to end in the middle of a row", () => {
    const digester = new RowDigester(1);
    digester.add(Buffer.from("one\ntwo"));
    expect(() => digester.finish()).toThrow("the rows end in the middle of one");
  });

  it("carries the sum of more than a million hashes, be they positive or negative", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        const { rows } = await client.query<{ value: string; hash: string }>(
          `select n::text as value, hashtextextended(row(n)::text collate "C", 0) as hash from generate_series(1, 50) n`,
        );
        const ofSign = (sign: bigint) => rows.find(({ hash }) => BigInt(hash) * sign > 2n ** 62n);
        for (const row of [ofSign(1n), ofSign(-1n)]) {
          if (!row) throw new Error("among 50 hashes are large ones of either sign");
          const digester = new RowDigester(1);
          const thousand = Buffer.from(`${row.value}\n`.repeat(1000));
          for (let turn = 0; turn < 2100; turn += 1) digester.add(thousand);
          expect(digester.finish()).toEqual({
            rows: 2_100_000n,
            sum: 2_100_000n * BigInt(row.hash),
            xor: 0n,
          });
        }
      });
    });
  });

  it("hashes as the server does, at any length", async () => {
    await withDatabaseUrl(async (url) => {
      await withCopySession(url, async (client) => {
        const texts = [
          ...Array.from({ length: 101 }, (_, length) =>
            "The quick brown fox (née Brown). ".repeat(4).slice(0, length),
          ),
          ...fc.sample(fc.string({ unit: "binary", maxLength: 100 }), 2000),
        ].map(storable);
        const { rows } = await client.query<{ hash: string }>(
          `select hashtextextended(value collate "C", 0) as hash
           from unnest($1::text[]) with ordinality as given (value, place) order by place`,
          [texts],
        );
        const ours = texts.map((given) => {
          const bytes = new Uint8Array(512).fill(0xa5);
          const length = Buffer.from(bytes.buffer).write(given);
          const [high = 0, low = 0] = hashBytes(new Int32Array(bytes.buffer), length);
          return String((BigInt(high) << 32n) | BigInt(low >>> 0));
        });
        expect(ours).toEqual(rows.map(({ hash }) => hash));
      });
    });
  });
});

describe("digests", () => {
  it("add up, and are written as one word that tells them apart", () => {
    const one = { rows: 1n, sum: -5n, xor: -5n };
    const two = { rows: 2n, sum: 7n, xor: 3n };
    expect(addDigests(one, two)).toEqual({ rows: 3n, sum: 2n, xor: -5n ^ 3n });
    expect(addDigests(one, emptyDigest)).toEqual(one);
    expect(digestText(one)).toBe("1:-5:fffffffffffffffb");
    expect(digestText(emptyDigest)).toBe("0:0:0000000000000000");
  });
});
