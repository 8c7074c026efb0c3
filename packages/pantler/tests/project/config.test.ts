import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { InputError, openProject, type Project } from "../../src/index.js";
import { withFolder } from "../support/project.js";

const open = (folder: string): Promise<Project> => openProject({ folder, from: folder, variables: {} });

/** Opens a project of these files and returns the error that it has to end with. */
async function problemOf(files: Readonly<Record<string, string>>): Promise<InputError> {
  let problem: unknown;
  await withFolder(files, async (folder) => {
    problem = await open(folder).catch((error: unknown) => error);
    if (problem instanceof InputError) hidePath(problem, folder);
  });
  if (problem instanceof InputError) return problem;
  throw new Error(`the project should not have opened, but: ${String(problem)}`);
}

function hidePath(problem: InputError, folder: string): void {
  problem.message = problem.message.replaceAll(folder, "<project>");
}

const toml = (content = "") => ({ "supabase/config.toml": `project_id = "pantry"\n${content}` });

describe("a Supabase folder", () => {
  it("needs no config of ours", async () => {
    await withFolder(toml("[db]\nport = 54399\n"), async (folder) => {
      expect(await open(folder)).toMatchObject({
        root: folder,
        name: "pantry",
        folders: {
          migrations: join(folder, "supabase/migrations"),
          rollbacks: join(folder, "supabase/rollbacks"),
          checks: join(folder, "supabase/checks"),
        },
        seed: [join(folder, "supabase/seed.sql")],
        port: 54399,
        exposesNewTables: true,
      });
    });
  });

  it("is found from any folder below it, the nearest one first", async () => {
    await withFolder({ ...toml(), "apps/inner/supabase/config.toml": "" }, async (folder) => {
      mkdirSync(join(folder, "web/src/pages"), { recursive: true });
      mkdirSync(join(folder, "apps/inner/src"), { recursive: true });
      const from = (path: string) => openProject({ from: join(folder, path), variables: {} });
      expect((await from("web/src/pages")).root).toBe(folder);
      expect((await from("apps/inner/src")).root).toBe(join(folder, "apps/inner"));
    });
  });

  it("without a project id or a port gets the folder's name and the Supabase CLI's port", async () => {
    await withFolder({ "supabase/config.toml": "" }, async (folder) => {
      expect(await open(folder)).toMatchObject({ name: basename(folder), port: 54322 });
    });
  });

  it("with only migrations in it is a project when it is named", async () => {
    await withFolder({ "supabase/migrations/1_users.sql": "select 1;" }, async (folder) => {
      expect((await open(folder)).root).toBe(folder);
    });
  });

  it("is read although it has sections and values that the Supabase CLI itself rejects", async () => {
    const content = `
      [inbucket]
      enabled = true
      port = 54324
      [auth.external.apple]
      secret = "env(SUPABASE_AUTH_APPLE_SECRET)"
      [db]
      port = "env(DB_PORT)"
      [db.pooler]
      pool_mode = "a mode of the future"
      [api]
      auto_expose_new_tables = false
      [some.section.of.tomorrow]
      list = [1, "two", { three = 3 }]
    `;
    await withFolder(toml(content), async (folder) => {
      expect(await open(folder)).toMatchObject({ name: "pantry", port: 54322, exposesNewTables: false });
    });
  });

  it("may begin with a byte-order mark and have Windows line ends", async () => {
    const content = '\uFEFFproject_id = "pantry"\r\n[db]\r\nport = 54398\r\n';
    await withFolder({ "supabase/config.toml": content }, async (folder) => {
      expect(await open(folder)).toMatchObject({ name: "pantry", port: 54398 });
    });
  });

  it("may switch seeding off, or name its seed files relative to supabase/", async () => {
    await withFolder(toml("[db.seed]\nenabled = false\n"), async (folder) => {
      expect((await open(folder)).seed).toEqual([]);
    });
    await withFolder(toml('[db.seed]\nsql_paths = ["./seeds/*.sql", "../shared.sql"]\n'), async (folder) => {
      expect((await open(folder)).seed).toEqual([
        join(folder, "supabase/seeds/*.sql"),
        join(folder, "shared.sql"),
      ]);
    });
  });

  it("whose config.toml is no TOML is refused at its line, without the line's content", async () => {
    const problem = await problemOf(toml('[auth]\nsecret = "hunter2" oops\n'));
    expect(problem.code).toBe("supabase-config-unreadable");
    expect(problem.message).toMatchInlineSnapshot(
      `"supabase/config.toml cannot be read: line 3, column 20: each key-value declaration must be followed by an end-of-line."`,
    );
  });

  it("whose port is no port is refused", async () => {
    const problem = await problemOf(toml("[db]\nport = 70000\n"));
    expect(problem.message).toMatchInlineSnapshot(
      `"supabase/config.toml: db.port is 70000, which is no port."`,
    );
  });
});

describe("a folder that is no project", () => {
  it("is refused with where to go", async () => {
    await withFolder({ "README.md": "" }, async (folder) => {
      const error = await open(folder).catch((caught: unknown) => caught);
      expect(error).toMatchObject({
        code: "project-missing",
        exit: 2,
        message: `${folder} is not a project: neither pantler.config.* nor supabase/config.toml is there.`,
        remedy: "Go to the project's folder, or name it with --project.",
      });
    });
  });

  it("is refused when it is a file, or is not there", async () => {
    await withFolder({ "README.md": "" }, async (folder) => {
      for (const name of ["README.md", "nowhere"]) {
        const error = openProject({ folder: name, from: folder, variables: {} });
        await expect(error).rejects.toMatchObject({
          code: "project-missing",
          message: `${join(folder, name)} is not a folder.`,
        });
      }
    });
  });
});

describe("pantler.config", () => {
  const settings = `{
    name: "kitchen",
    folders: { migrations: "db/sql", rollbacks: "db/rollback", checks: "db/checks" },
    seed: ["db/seeds/demo.sql"],
    engine: { port: 55432 },
    environments: { staging: { protected: false } },
  }`;
  const forms: Record<string, string> = {
    "pantler.config.ts": `import type { PantlerConfig } from "pantler";\nexport default ${settings} satisfies PantlerConfig;`,
    "pantler.config.js": `export default ${settings};`,
    "pantler.config.mjs": `export default ${settings};`,
    "pantler.config.json": settings.replace(/(\w+):/g, '"$1":').replace(/,(\s*)}$/, "$1}"),
  };

  for (const [name, content] of Object.entries(forms)) {
    it(`may be written as ${name}`, async () => {
      await withFolder({ [name]: content }, async (folder) => {
        const project = await open(folder);
        expect(project).toMatchObject({
          name: "kitchen",
          folders: {
            migrations: join(folder, "db/sql"),
            rollbacks: join(folder, "db/rollback"),
            checks: join(folder, "db/checks"),
          },
          seed: [join(folder, "db/seeds/demo.sql")],
          port: 55432,
        });
        expect(project.environments).toMatchObject([
          { name: "local", protected: false },
          { name: "staging", protected: false },
        ]);
      });
    });
  }

  it("may be CommonJS in a .js file", async () => {
    await withFolder({ "pantler.config.js": 'module.exports = { name: "kitchen" };' }, async (folder) => {
      expect((await open(folder)).name).toBe("kitchen");
    });
  });

  it("may use all of TypeScript, and other files", async () => {
    const files = {
      "db/names.ts": 'export enum Name { Kitchen = "kitchen" }',
      "pantler.config.ts":
        'import { Name } from "./db/names";\nexport default { name: (Name.Kitchen + "-2") as string };',
    };
    await withFolder(files, async (folder) => {
      expect((await open(folder)).name).toBe("kitchen-2");
    });
  });

  it("wins over supabase/config.toml, and leaves to it what it does not say", async () => {
    const files = { ...toml("[db]\nport = 54399\n"), "pantler.config.json": '{ "seed": [] }' };
    await withFolder(files, async (folder) => {
      expect(await open(folder)).toMatchObject({ name: "pantry", port: 54399, seed: [] });
    });
  });

  it("is refused when there are several, since neither is to be guessed", async () => {
    const problem = await problemOf({
      "pantler.config.json": "{}",
      "pantler.config.js": "export default {}",
    });
    expect(problem).toMatchObject({
      code: "config-ambiguous",
      message: "There are several config files: pantler.config.js, pantler.config.json.",
    });
  });

  it("tells all of its problems at once", async () => {
    const problem = await problemOf({
      "pantler.config.json": JSON.stringify({
        nmae: "kitchen",
        sed: [],
        name: "",
        folders: { migrations: 7, rollback: "db/rollback", check: "db/checks" },
        seed: "db/seed.sql",
        engine: { port: 80.5 },
        environments: { Production: {}, staging: { protected: "yes", uri: "x" } },
      }),
    });
    expect(problem.code).toBe("config-invalid");
    expect(problem.message).toMatchInlineSnapshot(`"pantler.config.json has 12 problems."`);
    expect(problem.detail).toMatchInlineSnapshot(`
      "name: must not be empty
      folders.migrations: must be text
      folders.rollback: there is no such setting
      folders.check: there is no such setting
      seed: must be a list
      engine.port: must be a whole number
      engine.port: must be at least 1024
      environments.Production: is named in lower case: letters, digits, - and _
      environments.staging.protected: must be true or false
      environments.staging.uri: there is no such setting
      nmae: there is no such setting
      sed: there is no such setting"
    `);
  });

  it("may not give local an address of its own, nor a port to a server that is not ours", async () => {
    const url = "postgres://app@db.example.com/app";
    const problem = await problemOf({
      "pantler.config.json": JSON.stringify({
        engine: { url, port: 5555 },
        environments: { local: { url } },
      }),
    });
    expect(problem.detail).toMatchInlineSnapshot(`
      "engine: url and port exclude each other: with url the server is not ours to start
      environments: local has no url: it is the embedded server; to use another one set engine.url"
    `);
  });

  it("with one problem says so in the singular", async () => {
    const problem = await problemOf({ "pantler.config.json": '{ "nmae": "kitchen" }' });
    expect(problem.message).toBe("pantler.config.json has a problem.");
    expect(problem.detail).toBe("nmae: there is no such setting");
  });

  it("never repeats a value, which may be an address with a password", async () => {
    const secret = "postgres://app:hunter2@db.example.com/app";
    const mistakes: Record<string, string> = {
      "pantler.config.json": JSON.stringify({
        environments: { staging: secret },
        engine: secret,
        name: [secret],
      }),
      "pantler.config.js": `export default { environments: "${secret}", seed: { url: "${secret}" } };`,
      "pantler.config.mjs": `export default "${secret}";`,
    };
    for (const [name, content] of Object.entries(mistakes)) {
      const problem = await problemOf({ [name]: content });
      expect(problem.code).toBe("config-invalid");
      expect(`${problem.message} ${problem.detail}`).not.toContain("hunter2");
    }
  });

  it("that cannot be read says why, without a piece of its text", async () => {
    const broken: Record<string, string> = {
      "pantler.config.json": '{ "engine": { "url": postgres://app:hunter2@db/app } }',
      "pantler.config.ts": "export default { engine: { url: 'postgres://app:hunter2@db/app' x } };",
    };
    for (const [name, content] of Object.entries(broken)) {
      const problem = await problemOf({ [name]: content });
      expect(problem.code).toBe("config-unreadable");
      expect(problem.message).toContain(`<project>/${name} cannot be read: `);
      expect(problem.message).not.toContain("hunter2");
      expect(problem.message).not.toContain("\n");
    }
  });

  it("that throws hands its words on", async () => {
    const problem = await problemOf({ "pantler.config.js": 'throw new Error("PANTRY_REGION is not set");' });
    expect(problem.message).toBe("<project>/pantler.config.js cannot be read: PANTRY_REGION is not set");
  });

  it("that exports nothing is refused", async () => {
    const problem = await problemOf({ "pantler.config.mjs": 'export const name = "kitchen";' });
    expect(problem.detail).toMatchInlineSnapshot(`"the file: must be an object"`);
  });

  it("leaves no compiled copy in the shared temporary folder, where others could read or plant it", async () => {
    const shared = join(tmpdir(), "jiti");
    await withFolder({ "pantler.config.ts": forms["pantler.config.ts"] ?? "" }, async (folder) => {
      const copies = () =>
        existsSync(shared) ? readdirSync(shared).filter((name) => name.includes(basename(folder))) : [];
      await open(folder);
      expect(readdirSync(folder)).toEqual(["pantler.config.ts"]);
      mkdirSync(join(folder, ".pantler"));
      await open(folder);
      expect(copies()).toEqual([]);
    });
  });

  it("is read anew after it was changed, although what is compiled is kept", async () => {
    await withFolder({ "pantler.config.ts": 'export default { name: "one" };' }, async (folder) => {
      mkdirSync(join(folder, ".pantler"));
      expect((await open(folder)).name).toBe("one");
      writeFileSync(join(folder, "pantler.config.ts"), 'export default { name: "two" };');
      expect((await open(folder)).name).toBe("two");
    });
  });
});

describe("where backups are kept", () => {
  const key = "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm";

  /** What holds for each environment of a project with these settings, the project's folder left out. */
  async function backupsOf(config: object) {
    const found: Record<string, object> = {};
    await withFolder({ "pantler.config.json": JSON.stringify(config) }, async (folder) => {
      for (const { name, backups } of (await open(folder)).environments) {
        const { store } = backups;
        const shown =
          store.kind === "folder" ? { ...store, folder: store.folder.replace(folder, "<project>") } : store;
        found[name] = { ...backups, store: shown };
      }
    });
    return found;
  }

  it("is a folder in the project, for every environment, unless the config says otherwise", async () => {
    const unsaid = { store: { kind: "folder", folder: "<project>/backups" }, recipients: [] };
    expect(await backupsOf({ environments: { staging: {} } })).toEqual({ local: unsaid, staging: unsaid });
  });

  it("is said for the whole project, and setting by setting for an environment", async () => {
    const config = {
      backups: {
        store: "s3://acme-backups/pantry/",
        endpoint: "https://s3.example.com",
        region: "eu-1",
        recipients: [key],
      },
      environments: {
        local: { backups: { store: "kept/here", recipients: [] } },
        production: { backups: { store: "s3://acme-production", region: "eu-2" } },
        staging: {},
      },
    };
    const endpoint = "https://s3.example.com";
    expect(await backupsOf(config)).toEqual({
      local: { store: { kind: "folder", folder: "<project>/kept/here" }, recipients: [] },
      production: {
        store: { kind: "s3", bucket: "acme-production", prefix: "", endpoint, region: "eu-2" },
        recipients: [key],
      },
      staging: {
        store: { kind: "s3", bucket: "acme-backups", prefix: "pantry", endpoint, region: "eu-1" },
        recipients: [key],
      },
    });
  });

  it("may be an absolute folder, or one beside the project", async () => {
    const { local } = await backupsOf({ backups: { store: "/srv/backups" } });
    expect(local).toMatchObject({ store: { folder: "/srv/backups" } });
    const { local: beside } = await backupsOf({ backups: { store: "../kept" } });
    expect(beside).toMatchObject({ store: { folder: join(tmpdir(), "kept") } });
  });

  it("is refused when it is neither a folder nor a bucket", async () => {
    const stores = [
      "https://s3.example.com/bucket",
      "gs://bucket",
      "s3://",
      "s3://Bucket",
      "s3://bucket/../other",
      "s3://bucket//prefix",
      "s3://bucket/a prefix",
      "s3://key:secret@bucket",
      "~/backups",
      "",
      7,
    ];
    for (const store of stores) {
      const problem = await problemOf({ "pantler.config.json": JSON.stringify({ backups: { store } }) });
      expect(problem.code).toBe("config-invalid");
      expect(problem.detail).toMatch(/^backups\.store: must /);
    }
  });

  it("is refused with a login in the endpoint, a key that is not public, or a word that is unknown", async () => {
    const secret = "AGE-SECRET-KEY-1QQPQYXPQ9Z3K0YVWLPLM2Y6Q0K6C3XTV3DZ5D9G0Y5ZG2QJQ9VSQ4X3M2";
    const problem = await problemOf({
      "pantler.config.json": JSON.stringify({
        backups: { endpoint: "https://key:hunter2@s3.example.com", region: "eu west", recipient: key },
        environments: { staging: { backups: { recipients: [key, secret], endpoint: "s3.example.com" } } },
      }),
    });
    expect(`${problem.message} ${problem.detail}`).not.toMatch(/hunter2|SECRET/);
    expect(problem.detail).toMatchInlineSnapshot(`
      "backups.endpoint: must be the address of a service, such as https://s3.example.com, without a login
      backups.region: must be letters, digits and -
      backups.recipient: there is no such setting
      environments.staging.backups.endpoint: must be the address of a service, such as https://s3.example.com, without a login
      environments.staging.backups.recipients.1: must be a public key of age, which begins with age1"
    `);
  });
});
