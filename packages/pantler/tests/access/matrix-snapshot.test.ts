import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type AccessChange,
  compareAccess,
  readSnapshot,
  renderMatrixHtml,
  renderMatrixMarkdown,
  snapshotOf,
  writeSnapshot,
} from "../../src/index.js";
import { failure } from "../support/failure.js";
import { ada, ben, type Measured, withPeople } from "../support/measuring.js";
import { withFolder } from "../support/project.js";

const notes = `
  create table public.notes (id int primary key, user_id uuid not null references auth.users, body text, secret text default 's');
  insert into public.notes values (1, '${ada}', 'a'), (2, '${ben}', 'b');
  alter table public.notes enable row level security;
  create policy own on public.notes to authenticated using (user_id = auth.uid()) with check (user_id = auth.uid());
  create table public.empty (id int primary key, user_id uuid not null references auth.users);
  revoke all on public.empty from anon;
  alter table public.empty enable row level security;
  create policy own on public.empty to authenticated using (user_id = auth.uid());
  create function public.count_notes() returns bigint language sql stable as 'select count(*) from public.notes';
  create function public.note(id int) returns text language sql stable security definer as 'select body from public.notes where notes.id = note.id';
  revoke execute on function public.note(int) from public, anon;`;

/** What a statement changes of the matrix. */
async function changesBy({ client, measure }: Measured, statement: string): Promise<AccessChange[]> {
  const before = snapshotOf(await measure());
  await client.query(statement);
  return compareAccess(before, snapshotOf(await measure()));
}

function told(changes: readonly AccessChange[]): string[] {
  return changes.map(({ kind, sentence }) => `${kind}: ${sentence}`);
}

describe("the snapshot of who can see and change what", () => {
  it("does not change with the rows, as long as there are rows to try it on", async () => {
    await withPeople(notes, async (measured) => {
      const rows = `insert into public.notes values (3, '${ada}', 'aa'), (4, '${ben}', 'bb'), (5, '${ben}', 'bbb');
        update public.notes set body = 'other' where id = 1`;
      expect(await changesBy(measured, rows)).toEqual([]);
    });
  });

  it("says who gained what, and then who lost what", async () => {
    await withPeople(notes, async (measured) => {
      const changes = await changesBy(
        measured,
        `drop policy own on public.notes;
        create policy deletes on public.notes for delete to authenticated using (true);
        create policy reads on public.notes for select to anon using (true);
        revoke select on public.notes from anon;
        grant select (id, body) on public.notes to anon;`,
      );
      expect(told(changes).filter((sentence) => /anon|ada/.test(sentence))).toEqual([
        "gained: anon can now read other people's rows of notes (only the columns id, body)",
        "gained: ada can now delete other people's rows of notes",
        "lost: ada can no longer read their own rows of notes",
        "lost: ada can no longer add rows of their own to notes",
        "lost: ada can no longer change their own rows of notes",
      ]);
      expect(changes.every(({ fails }) => fails)).toBe(true);
    });
  });

  it("says that others' rows can be taken over, and which column became open", async () => {
    await withPeople(notes, async (measured) => {
      const first = await changesBy(
        measured,
        `revoke update on public.notes from authenticated; grant update (body) on public.notes to authenticated`,
      );
      expect(told(first)).toContain(
        "lost: ada can no longer change the columns id, secret of their own rows of notes",
      );
      expect(
        told(await changesBy(measured, "grant update (secret) on public.notes to authenticated")),
      ).toEqual([
        "gained: ada can now change the column secret of their own rows of notes",
        "gained: ben can now change the column secret of their own rows of notes",
      ]);
      const taken = await changesBy(
        measured,
        `grant update on public.notes to authenticated;
        create policy take on public.notes for update to authenticated using (true) with check (user_id = auth.uid());
        create policy look on public.notes for select to authenticated using (true)`,
      );
      expect(told(taken)).toEqual(
        expect.arrayContaining([
          "gained: ada can now take over other people's rows of notes (set user_id to themselves)",
          "gained: ada can now read other people's rows of notes",
        ]),
      );
    });
  });

  it("says what a new column, a new table and a new function give to whom", async () => {
    await withPeople(notes, async (measured) => {
      const changes = await changesBy(
        measured,
        `alter table public.notes add column salary int;
        create table public.new_table (id int); insert into public.new_table values (1);
        revoke all on public.new_table from anon, authenticated; grant select on public.new_table to authenticated;
        create function public.all_notes() returns setof public.notes language sql security definer stable as 'select * from public.notes'`,
      );
      expect(told(changes)).toEqual(
        expect.arrayContaining([
          "gained: ada can now read the column salary of notes",
          "gained: public.new_table is not in the snapshot: ada can read all of new_table",
          "lost: public.new_table is not in the snapshot: anon can do nothing with it (the column id)",
          "gained: all_notes() is not in the snapshot: anon can now call all_notes(), which gives it rows",
        ]),
      );
    });
  });

  it("says where it cannot tell: rules changed and there is no row, a row is missing now, a function is another", async () => {
    await withPeople(notes, async (measured) => {
      const changed = await changesBy(
        measured,
        "alter policy own on public.empty using (user_id = auth.uid() and id is distinct from 0)",
      );
      expect(told(changed)).toEqual(
        [
          "undecided: the rules of empty changed, and what that means for ada could not be found out (select, update, delete)",
          "undecided: the rules of empty changed, and what that means for ben could not be found out (select, update, delete)",
        ].map((sentence) => expect.stringContaining(sentence.split(" (")[0] ?? "")),
      );
      const opened = await changesBy(measured, "alter table public.empty disable row level security");
      expect(told(opened)).toContain("gained: ada can read all of empty, which could not be told before");

      const gone = await changesBy(measured, `delete from public.notes where user_id = '${ada}'`);
      expect(gone).toContainEqual({
        identity: "ada",
        subject: "public.notes",
        kind: "undecided",
        sentence:
          "it can no longer be told whether ada can read their own rows of notes: there is no row to try it on",
        fails: true,
      });
      expect(gone.every(({ kind }) => kind === "undecided")).toBe(true);

      const another = await changesBy(
        measured,
        `create or replace function public.note(id int) returns text language sql stable security definer as 'select string_agg(body, '','') from public.notes'`,
      );
      expect(told(another)).toContain(
        "undecided: note(integer) runs as its owner and is another than before; what it gives ada is not known",
      );
      const back = await changesBy(measured, `insert into public.notes values (1, '${ada}', 'a')`);
      expect(back.find(({ sentence }) => sentence.includes("read their own rows"))).toMatchObject({
        kind: "gained",
        sentence: "ada can read their own rows of notes, which could not be told before",
      });
    });
  });

  it("says who is no longer there, and who is new", async () => {
    await withPeople(notes, async ({ client, measure }) => {
      const before = snapshotOf(await measure());
      await client.query("delete from public.notes where user_id = $1", [ben]);
      await client.query("delete from auth.users where id = $1", [ben]);
      const after = snapshotOf(await measure());
      expect(told(compareAccess(before, after))).toContain(
        "undecided: ben could not be measured: its user is not there. Make it: pantler user create-test",
      );
      expect(told(compareAccess(after, before))).toContainEqual(
        expect.stringMatching(/^gained: ben is not in the snapshot: it can do something with empty, notes$/),
      );
    });
  });

  it("is the same text whenever nothing changed, and is kept whole", async () => {
    await withPeople(notes, async ({ measure }) => {
      await withFolder({}, async (folder) => {
        const file = join(folder, "access.snapshot.json");
        expect(readSnapshot(file)).toBeUndefined();
        const snapshot = snapshotOf(await measure());
        writeSnapshot(file, snapshot);
        const text = readFileSync(file, "utf8");
        expect(compareAccess(snapshot, readSnapshot(file) ?? snapshot)).toEqual([]);
        writeSnapshot(file, snapshotOf(await measure()));
        expect(readFileSync(file, "utf8")).toBe(text);
        expect(text).toContain('"anon": "nothing"');
        for (const broken of ["", "{}", "null", '{"format": 2}']) {
          writeFileSync(file, broken);
          expect(await failure(Promise.resolve().then(() => readSnapshot(file)))).toMatchObject({
            code: "snapshot-unreadable",
            exit: 2,
          });
        }
        const nowhere = join(folder, "missing", "x.json");
        expect(await failure(Promise.resolve().then(() => writeSnapshot(nowhere, snapshot)))).toMatchObject({
          code: "snapshot-unwritable",
        });
      });
    });
  });

  it("is shown as Markdown and as a page that needs nothing else, whatever things are called", async () => {
    await withPeople(
      `${notes} create table public."<script>|x" (id int); grant select on public."<script>|x" to anon;`,
      async ({ measure }) => {
        const matrix = await measure();
        const markdown = renderMatrixMarkdown(matrix, "garden");
        expect(markdown).toContain("| notes | · · · · | ○ ○ ○ ○ | ○ ○ ○ ○ | ● ● ● ● |");
        expect(markdown).toContain("\\<script\\>\\|x");
        const page = renderMatrixHtml(matrix, "garden");
        expect(page).toContain("&lt;script&gt;|x");
        expect(page).not.toMatch(/<script|https?:|src=|@import/);
        expect(page).toContain("prefers-color-scheme: dark");
      },
    );
  });
});
