import { describe, expect, it } from "vitest";
import { ada, ben, cellOf, levels, withPeople } from "../support/measuring.js";

const notes = `
  create table public.notes (
    id bigint generated always as identity primary key,
    user_id uuid references auth.users,
    body text not null check (body <> ''),
    stars int default 0
  );
  insert into public.notes (user_id, body) values ('${ada}', 'a'), ('${ada}', 'aa'), ('${ben}', 'b'), (null, 'n');
  alter table public.notes enable row level security;`;

describe("the access matrix", () => {
  it("tells own rows from others' and from nobody's for every command", async () => {
    await withPeople(
      `${notes}
      create policy own on public.notes to authenticated using (user_id = auth.uid()) with check (user_id = auth.uid());`,
      async ({ measure }) => {
        const matrix = await measure();
        expect(matrix.identities.map(({ name }) => name)).toEqual(["anon", "ada", "ben", "service_role"]);
        const cell = cellOf(matrix, "ada", "notes");
        expect(levels(cell)).toEqual({
          select: { own: "all", others: "none", nobodys: "none" },
          insert: { own: "all", others: "none", nobodys: "none" },
          update: { own: "all", others: "none", nobodys: "none" },
          delete: { own: "all", others: "none", nobodys: "none" },
        });
        expect(cell.select.verdicts.own).toMatchObject({ allowed: 2, of: 2 });
        expect(cell.update.verdicts.own?.columns).toEqual(["body", "stars"]);
        expect(cell.update.ownership).toEqual({});
        expect(levels(cellOf(matrix, "anon", "notes"))).toEqual({
          select: { others: "none", nobodys: "none" },
          insert: { others: "none", nobodys: "none" },
          update: { others: "none", nobodys: "none" },
          delete: { others: "none", nobodys: "none" },
        });
        expect(levels(cellOf(matrix, "service_role", "notes"))).toMatchObject({
          select: { others: "all", nobodys: "all" },
          insert: { others: "all", nobodys: "all" },
          update: { others: "all", nobodys: "all" },
          delete: { others: "all", nobodys: "all" },
        });
      },
    );
  });
});
