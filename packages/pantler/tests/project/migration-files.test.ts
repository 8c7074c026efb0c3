import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { openProject, type Project } from "../../src/index.js";
import { listMigrationFiles, listSeedFiles, listSmokeChecks, readSqlFile } from "../../src/project/index.js";
import { withFolder } from "../support/project.js";

type Files = Readonly<Record<string, string>>;

async function withProjectOf(files: Files, test: (project: Project) => void): Promise<void> {
  await withFolder({ "supabase/config.toml": "", ...files }, async (folder) => {
    test(await openProject({ folder, from: folder, variables: {} }));
  });
}

const migrations = (...names: string[]): Files =>
  Object.fromEntries(names.map((name) => [`supabase/migrations/${name}`, "select 1;"]));

describe("migration files", () => {
  it("are those named <digits>_<name>.sql, and everything else is told of as ignored", async () => {
    const odd = [
      "README.md",
      "20240101000000.sql",
      "20240102000000_.sql",
      "_users.sql",
      "v1_users.sql",
      "1-users.sql",
      "2_users.sql.bak",
      "3_users.SQL",
      ".4_users.sql",
      " 5_users.sql",
    ];
    const good = ["20240103000000_add_users.sql", "7_a b-c.d.sql", "8__x.sql", "9_émoji_🥫.sql"];
    await withProjectOf(migrations(...odd, ...good), (project) => {
      const found = listMigrationFiles(project);
      expect(found.migrations.map(({ version, name }) => [version, name])).toEqual([
        ["20240103000000", "add_users"],
        ["7", "a b-c.d"],
        ["8", "_x"],
        ["9", "émoji_🥫"],
      ]);
      expect([...found.ignored].sort()).toEqual([...odd].sort());
    });
  });

  it("run in the order of their versions as text, as the ledger is sorted", async () => {
    await withProjectOf(migrations("10_c.sql", "9_d.sql", "1_a.sql", "010_b.sql", "2_e.sql"), (project) => {
      const order = listMigrationFiles(project).migrations.map(({ version }) => version);
      expect(order).toEqual(["010", "1", "10", "2", "9"]);
    });
  });

  it("of one version are refused, whatever their names", async () => {
    await withProjectOf(migrations("1_a.sql", "2_users.sql", "2_orders.sql"), (project) => {
      expect(() => listMigrationFiles(project)).toThrowError(
        expect.objectContaining({
          code: "version-twice",
          exit: 2,
          message: "Two files have version 2: 2_orders.sql and 2_users.sql.",
        }),
      );
    });
  });

  it("whose versions differ only in leading zeros are two migrations", async () => {
    await withProjectOf(migrations("1_a.sql", "001_a.sql"), (project) => {
      expect(listMigrationFiles(project).migrations.map(({ version }) => version)).toEqual(["001", "1"]);
    });
  });

  it("may be links, and are never folders", async () => {
    await withProjectOf({ ...migrations("1_a.sql"), "shared/2_b.sql": "select 2;" }, (project) => {
      mkdirSync(join(project.folders.migrations, "3_c.sql"));
      symlinkSync(join(project.root, "shared/2_b.sql"), join(project.folders.migrations, "2_b.sql"));
      expect(listMigrationFiles(project)).toMatchObject({
        migrations: [{ version: "1" }, { version: "2" }],
        ignored: [],
      });
    });
  });

  it("are none where the folder is not there yet", async () => {
    await withProjectOf({}, (project) => {
      expect(listMigrationFiles(project)).toEqual({ migrations: [], ignored: [] });
    });
  });

  it("cannot be listed when their folder is no folder", async () => {
    await withProjectOf({ "supabase/migrations": "oops" }, (project) => {
      expect(() => listMigrationFiles(project)).toThrowError(
        expect.objectContaining({
          code: "folder-unreadable",
          exit: 2,
          message: expect.stringMatching(/^supabase\/migrations cannot be read: /),
        }),
      );
    });
  });

  it("know their rollback and their checks by the same name in the folders beside", async () => {
    const files = {
      ...migrations("1_a.sql", "2_b.sql"),
      "supabase/rollbacks/1_a.sql": "",
      "supabase/checks/2_b.sql": "",
      "supabase/rollbacks/2_other.sql": "",
    };
    await withProjectOf(files, (project) => {
      const [first, second] = listMigrationFiles(project).migrations;
      expect(first?.rollback).toEqual({ file: join(project.folders.rollbacks, "1_a.sql"), exists: true });
      expect(first?.checks).toEqual({ file: join(project.folders.checks, "1_a.sql"), exists: false });
      expect(second?.rollback.exists).toBe(false);
      expect(second?.checks.exists).toBe(true);
    });
  });
});

describe("smoke checks", () => {
  it("are the checks that belong to no version, by name", async () => {
    const files = {
      "supabase/checks/1_a.sql": "",
      "supabase/checks/smoke.sql": "",
      "supabase/checks/access.sql": "",
      "supabase/checks/notes.md": "",
    };
    await withProjectOf(files, (project) => {
      expect(listSmokeChecks(project).map((file) => basename(file))).toEqual(["access.sql", "smoke.sql"]);
    });
  });

  it("are none without a folder", async () => {
    await withProjectOf({}, (project) => expect(listSmokeChecks(project)).toEqual([]));
  });
});

describe("a file of SQL", () => {
  const unreadable = (bytes: Uint8Array) => async () => {
    await withProjectOf(migrations("1_a.sql"), (project) => {
      const file = join(project.folders.migrations, "1_a.sql");
      writeFileSync(file, bytes);
      expect(() => readSqlFile(project, file)).toThrowError(
        expect.objectContaining({
          code: "file-not-text",
          exit: 2,
          message: "supabase/migrations/1_a.sql is not UTF-8 text.",
          remedy: "Save the file as UTF-8.",
        }),
      );
    });
  };

  it("in Latin-1 is refused", unreadable(Buffer.from("select 'Müller';", "latin1")));
  it("in UTF-16 is refused", unreadable(Buffer.from("\uFEFFselect 1;", "utf16le")));
  it("with a zero byte is refused", unreadable(Buffer.from("select 1;\0")));
  it(
    "cut off in the middle of a character is refused",
    unreadable(Buffer.from("select '🥫").subarray(0, -1)),
  );

  it("keeps its byte-order mark and its line ends, so that places in it stay right", async () => {
    const text = "\uFEFFselect 'กข 漢字 🥫';\r\nselect 2;\r\n";
    await withProjectOf({ "supabase/migrations/1_a.sql": text }, (project) => {
      expect(readSqlFile(project, join(project.folders.migrations, "1_a.sql"))).toBe(text);
    });
  });

  it("that is gone or is a folder is refused by its name in the project", async () => {
    await withProjectOf({}, (project) => {
      for (const path of ["supabase/migrations/1_gone.sql", "supabase"]) {
        expect(() => readSqlFile(project, join(project.root, path))).toThrowError(
          expect.objectContaining({
            code: "file-unreadable",
            message: expect.stringContaining(`${path} cannot be read: `),
          }),
        );
      }
    });
  });
});

describe("seed files", () => {
  const seedsOf = async (files: Files): Promise<string[]> => {
    let found: string[] = [];
    await withProjectOf(files, (project) => {
      found = listSeedFiles(project).map((file) => file.slice(project.root.length + 1));
    });
    return found;
  };
  const config = (...paths: string[]): Files => ({
    "supabase/config.toml": `[db.seed]\nsql_paths = ${JSON.stringify(paths)}\n`,
  });

  it("are supabase/seed.sql if it is there", async () => {
    expect(await seedsOf({ "supabase/seed.sql": "" })).toEqual(["supabase/seed.sql"]);
    expect(await seedsOf({})).toEqual([]);
  });

  it("run in the order they are named, and those of one pattern by name", async () => {
    const files = {
      ...config("./last/z.sql", "./seeds/*.sql", "./a.sql"),
      "supabase/last/z.sql": "",
      "supabase/seeds/20_b.sql": "",
      "supabase/seeds/10_a.sql": "",
      "supabase/seeds/notes.md": "",
      "supabase/a.sql": "",
    };
    expect(await seedsOf(files)).toEqual([
      "supabase/last/z.sql",
      "supabase/seeds/10_a.sql",
      "supabase/seeds/20_b.sql",
      "supabase/a.sql",
    ]);
  });

  it("may be named with * in any part of the path, and with ?", async () => {
    const files = {
      ...config("./seeds/*/u*.sql", "./day?.sql"),
      "supabase/seeds/two/users.sql": "",
      "supabase/seeds/one/users.sql": "",
      "supabase/seeds/one/orders.sql": "",
      "supabase/seeds/users.sql": "",
      "supabase/day2.sql": "",
      "supabase/day1.sql": "",
      "supabase/day10.sql": "",
    };
    expect(await seedsOf(files)).toEqual([
      "supabase/seeds/one/users.sql",
      "supabase/seeds/two/users.sql",
      "supabase/day1.sql",
      "supabase/day2.sql",
    ]);
  });

  it("that a pattern and a name both mean run once", async () => {
    const files = {
      ...config("./seeds/b.sql", "./seeds/*.sql"),
      "supabase/seeds/a.sql": "",
      "supabase/seeds/b.sql": "",
    };
    expect(await seedsOf(files)).toEqual(["supabase/seeds/b.sql", "supabase/seeds/a.sql"]);
  });

  it("may have names that mean something in a pattern language", async () => {
    const files = {
      ...config("./seeds (1)/*.demo.sql"),
      "supabase/seeds (1)/a.demo.sql": "",
      "supabase/seeds (1)/ademo.sql": "",
    };
    expect(await seedsOf(files)).toEqual(["supabase/seeds (1)/a.demo.sql"]);
  });

  it("of a pattern that fits nothing are none", async () => {
    expect(await seedsOf(config("./seeds/*.sql"))).toEqual([]);
  });

  it("named without a pattern have to be there", async () => {
    await expect(seedsOf(config("./seeds/demo.sql"))).rejects.toMatchObject({
      code: "seed-missing",
      exit: 2,
      message: "The seed file supabase/seeds/demo.sql is not there.",
    });
  });
});
