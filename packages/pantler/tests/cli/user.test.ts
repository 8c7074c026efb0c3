import { describe, expect, it } from "vitest";
import { pantler } from "../support/cli.js";
import { withOffice } from "../support/office.js";
import { writeInside } from "../support/project.js";

describe("pantler user", () => {
  it("lists users, shows what would move, and moves it after an answer", async () => {
    await withOffice(async ({ root, ask }) => {
      const cli = async (...words: string[]) => await pantler(["user", ...words], { cwd: root });
      await ask("alter table public.quotes drop constraint quotes_user_id_fkey");
      await ask(
        "insert into public.quotes values (8, '88888888-8888-4888-8888-888888888888', 'x'), (9, '99999999-9999-4999-8999-999999999999', 'y')",
      );
      writeInside(
        root,
        "pantler.config.json",
        JSON.stringify({ access: { owners: { "public.quotes": ["user_id"] } } }),
      );
      const list = await cli("list");
      expect(list.code).toBe(0);
      expect(list.stdout).toMatch(
        /ann@office\.example +manager +never +clients\.owner_id 2, notes\.author 1/,
      );
      expect(list.stdout).toContain("! quotes.user_id names nobody who is there in 2 rows: 88888888-");
      expect((await cli("list", "--json")).result).toMatchObject({
        ok: true,
        strangers: [{ rows: 1 }, { rows: 1 }],
      });

      const pair = ["ann@office.example", "bob@office.example"];
      const planned = await cli("reassign", ...pair, "--dry-run");
      expect(planned.code).toBe(0);
      expect(planned.stdout).toMatch(/clients\.owner_id +2 +move +refers to users/);
      expect(planned.stdout).toMatch(/roles\.user_id +2 +stay +about the user/);

      const asked = await cli("reassign", ...pair);
      expect([asked.code, asked.stderr.includes("Answer yes, or run it with --yes.")]).toEqual([3, true]);
      const moved = await cli("reassign", ...pair, "--yes");
      expect(moved.code).toBe(0);
      expect(moved.stdout).toContain("✓ 7 rows of ann@office.example are bob@office.example's");
      expect((await cli("reassign", ...pair, "--yes")).code).toBe(0);
      expect(await ask("select from public.clients where owner_id::text like '1%'")).toEqual([]);
    });
  });

  it("off-boards after the phrase, with the command that undoes it", async () => {
    await withOffice(async ({ root }) => {
      const words = [
        "user",
        "offboard",
        "ann@office.example",
        "--to",
        "bob@office.example",
        "--env",
        "production",
      ];
      const refused = await pantler([...words, "--yes"], { cwd: root });
      expect(refused.code).toBe(3);
      expect(refused.stderr).toContain("--confirm 'OFFBOARD ann@office.example TO bob@office.example'");
      const phrase = ["--confirm", "OFFBOARD ann@office.example TO bob@office.example"];
      const done = await pantler([...words, ...phrase], { cwd: root });
      expect(done.code).toBe(0);
      expect(done.stdout).toContain("nothing refers to the user any more");
      expect(done.stdout).toContain("an access token that is out already works until it expires");
      expect(done.stdout).toMatch(
        /undo +pantler restore \S+ --env production --data-only --confirm production/,
      );
    });
  });
});
