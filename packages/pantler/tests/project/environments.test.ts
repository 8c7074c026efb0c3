import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { DatabaseUrl, type Environment, InputError, locateTarget, openProject } from "../../src/index.js";
import { withFolder } from "../support/project.js";

type Files = Readonly<Record<string, string>>;

/** The environments of a project of these files. */
async function environmentsOf(files: Files, variables: Files = {}): Promise<readonly Environment[]> {
  let environments: readonly Environment[] = [];
  await withFolder({ "supabase/config.toml": "", ...files }, async (folder) => {
    environments = (await openProject({ folder, from: folder, variables })).environments;
  });
  return environments;
}

async function stagingOf(files: Files, variables?: Files): Promise<Environment | undefined> {
  return (await environmentsOf(files, variables)).find(({ name }) => name === "staging");
}

const at = (host: string) => `postgres://app:hunter2@${host}/app`;

describe("the environments of a project", () => {
  it("are only the local one when nothing names another", async () => {
    expect(await environmentsOf({ ".env": `DATABASE_URL=${at("elsewhere")}` })).toMatchObject([
      { name: "local", protected: false, url: undefined, origin: "the embedded server" },
    ]);
  });

  it("are found by their .env files, in the order of their names after local", async () => {
    const environments = await environmentsOf({
      ".env.staging": `DATABASE_URL=${at("staging")}`,
      ".env.production": `SUPABASE_DB_URL='${at("production")}' # the pooler`,
      ".env.development": "API_KEY=1",
      ".env.empty": "DATABASE_URL=",
      ".env.example": `DATABASE_URL=${at("example")}`,
      ".env.Shouting": `DATABASE_URL=${at("shouting")}`,
      ".env.production.local": `DATABASE_URL=${at("dotted")}`,
      ".env.local": `DATABASE_URL=${at("local")}`,
    });
    expect(environments.map(({ name, url }) => [name, url?.host])).toEqual([
      ["local", undefined],
      ["production", "production"],
      ["staging", "staging"],
    ]);
  });

  it("are protected unless the config says otherwise; local is not unless it says so", async () => {
    const files = { ".env.staging": `DATABASE_URL=${at("a")}`, ".env.production": `DATABASE_URL=${at("b")}` };
    const settings = { local: { protected: true }, staging: { protected: false } };
    const config = { "pantler.config.json": JSON.stringify({ environments: settings }) };
    const protection = (environments: readonly Environment[]) =>
      Object.fromEntries(environments.map((each) => [each.name, each.protected]));
    expect(protection(await environmentsOf(files))).toEqual({
      local: false,
      production: true,
      staging: true,
    });
    expect(protection(await environmentsOf({ ...files, ...config }))).toEqual({
      local: true,
      production: true,
      staging: false,
    });
  });

  it("may be known by name only, and then tell where an address would be looked for", async () => {
    const config = { "pantler.config.json": '{ "environments": { "pre-production": {} } }' };
    const [, environment] = await environmentsOf(config);
    expect(environment).toMatchObject({
      name: "pre-production",
      protected: true,
      url: undefined,
      origin: "PRE_PRODUCTION_DATABASE_URL, or DATABASE_URL in .env.pre-production",
    });
  });

  it("are looked up by name; an address in its place is not repeated", async () => {
    await withFolder({ "supabase/config.toml": "" }, async (folder) => {
      const project = await openProject({ folder, from: folder, variables: {} });
      await expect(locateTarget(project, "production")).rejects.toMatchObject({
        code: "environment-unknown",
        exit: 2,
        message: "This project has no environment named production.",
        remedy: "Use one of local, or put DATABASE_URL in .env.production.",
      });
      const error = await locateTarget(project, at("production")).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "environment-unknown" });
      expect(printed(error)).not.toContain("hunter2");
    });
  });

  it("cannot be read when a .env file is no file", async () => {
    await withFolder({ "supabase/config.toml": "" }, async (folder) => {
      mkdirSync(join(folder, ".env"));
      await expect(openProject({ folder, from: folder, variables: {} })).rejects.toMatchObject({
        code: "env-file-unreadable",
        exit: 2,
        message: expect.stringMatching(/^\.env cannot be read: /),
      });
    });
  });
});

describe("the address of an environment", () => {
  // From the strongest place to the weakest; each test of a place takes it and all weaker ones.
  const places: readonly { readonly origin: string; readonly files?: Files; readonly variables?: Files }[] = [
    { origin: "STAGING_DATABASE_URL", variables: { STAGING_DATABASE_URL: at("host0") } },
    {
      origin: "STAGING_DATABASE_URL in .env.local",
      files: { ".env.local": `STAGING_DATABASE_URL=${at("host1")}` },
    },
    { origin: "STAGING_DATABASE_URL in .env", files: { ".env": `STAGING_DATABASE_URL=${at("host2")}` } },
    {
      origin: "environments.staging.url in the config",
      files: { "pantler.config.json": `{ "environments": { "staging": { "url": "${at("host3")}" } } }` },
    },
    {
      origin: "DATABASE_URL in .env.staging",
      files: { ".env.staging": `SUPABASE_DB_URL=${at("host5")}\nDATABASE_URL=${at("host4")}` },
    },
  ];

  for (const [index, { origin }] of places.entries()) {
    it(`is taken from ${origin} before all that come after it`, async () => {
      const weaker = places.slice(index);
      const files = Object.assign({}, ...weaker.map((place) => place.files ?? {})) as Files;
      const variables = Object.assign({}, ...weaker.map((place) => place.variables ?? {})) as Files;
      const staging = await stagingOf(files, variables);
      expect(staging?.url?.host).toBe(`host${index}`);
      expect(staging?.origin).toBe(origin);
    });
  }

  it("is not taken from an empty variable", async () => {
    const files = { ".env.staging": `DATABASE_URL=${at("file")}` };
    expect((await stagingOf(files, { STAGING_DATABASE_URL: "" }))?.url?.host).toBe("file");
  });

  it("of the local database is a server that runs already, when one is given", async () => {
    const local = async (files: Files, variables?: Files) => {
      const [environment] = await environmentsOf(files, variables);
      return [environment?.url?.host, environment?.origin];
    };
    const config = { "pantler.config.json": `{ "engine": { "url": "${at("config")}" } }` };
    const dotenv = { ".env": `PANTLER_ENGINE_URL=${at("dotenv")}` };
    const process = { PANTLER_ENGINE_URL: at("process") };
    expect(await local(config)).toEqual(["config", "engine.url in the config"]);
    expect(await local({ ...config, ...dotenv })).toEqual(["dotenv", "PANTLER_ENGINE_URL in .env"]);
    expect(await local({ ...config, ...dotenv }, process)).toEqual(["process", "PANTLER_ENGINE_URL"]);
  });

  it("that is malformed is refused with the place it came from, once that environment is asked for", async () => {
    const files = {
      "supabase/config.toml": "",
      ".env.staging": "DATABASE_URL=mysql://app:hunter2@staging/app",
    };
    await withFolder(files, async (folder) => {
      const project = await openProject({ folder, from: folder, variables: {} });
      await expect(locateTarget(project, "staging")).rejects.toMatchObject({
        code: "url-malformed",
        exit: 2,
        message:
          "The database URL from DATABASE_URL in .env.staging cannot be read: it does not begin with postgres://.",
      });
    });
  });

  it("is not asked of files that are environments by their name only", async () => {
    const url = `DATABASE_URL=${at("somewhere")}`;
    const files = { ".env.example": url, ".env.sample": url, ".env.template": url };
    expect((await environmentsOf(files)).map(({ name }) => name)).toEqual(["local"]);
  });
});

/** Every way in which a value ends up in a log, a terminal or a file. */
function printed(value: unknown): string {
  return [
    String(value),
    `${value}`,
    JSON.stringify(value),
    JSON.stringify({ nested: [value] }),
    inspect(value),
    inspect({ nested: { value } }, { showHidden: true, depth: 9 }),
    Object.entries(Object(value)).join(),
    ...(value instanceof Error ? [value.message, value.stack, inspect(value.cause, { depth: 9 })] : []),
  ].join("\n");
}

describe("a database URL", () => {
  // Each with the pieces of it that must not be seen anywhere.
  const passwords: readonly (readonly [written: string, meant: string, pieces: readonly string[]])[] = [
    ["hunter2", "hunter2", ["hunter2"]],
    ["p@ss:word", "p@ss:word", ["ss:word", "p@ss", "p%40ss"]],
    ["%zzhunter", "%zzhunter", ["zzhunter"]],
    ["my hunter pass", "my hunter pass", ["hunter"]],
    ["hun%40ter%2F2", "hun@ter/2", ["hun%40", "hun@", "ter/2", "ter%2F2"]],
    ["100%hunter", "100%hunter", ["hunter"]],
    ["hüñter", "hüñter", ["hüñter", "h%C3%BC"]],
    ["hunter%25ter", "hunter%ter", ["hunter"]],
  ];

  for (const [written, meant, pieces] of passwords) {
    it(`hands the password ${written} to the driver, and shows it nowhere`, () => {
      const url = DatabaseUrl.parse(`postgres://app:${written}@db.example.com:5433/shop`, "a test");
      expect(url.parameters()).toMatchObject({
        host: "db.example.com",
        port: 5433,
        user: "app",
        password: meant,
        database: "shop",
      });
      expect(String(url)).toBe("postgresql://app@db.example.com:5433/shop");
      for (const piece of pieces) expect(printed(url)).not.toContain(piece);
      expect(DatabaseUrl.parse(url.withPassword(), "a test").parameters().password).toBe(meant);
    });
  }

  const malformed: Readonly<Record<string, string>> = {
    "postgres://app:hunter2@db:port/shop": "ERR_INVALID_URL",
    "postgres://app:hun/ter2@db/shop": "ERR_INVALID_URL",
    "postgres://app:5432#hunter2@db/shop": "it names no user",
    "postgres://:hunter2@db/shop": "it names no user",
    "postgres://app:hunter2@db:0/shop": "the port is not a number",
    "postgres://app:hunter2@db:99999/shop": "ERR_INVALID_URL",
    "postgres://app:%ffhunter2@db/shop": "it is not a URL",
    "postgres://app:hunter2@db/shop?port=many": "the port is not a number",
    "mysql://app:hunter2@db/shop": "it does not begin with postgres://",
    "host=db user=app password=hunter2 dbname=shop": "it does not begin with postgres://",
    "app:hunter2@db/shop": "it does not begin with postgres://",
    "postgres://app:hunter2@db/shop?sslmode=sometimes":
      "sslmode has to be disable, allow, prefer, require, verify-ca or verify-full",
    "postgres://app:hunter2@db/shop?sslmode=verify-ca": "sslmode=verify-ca needs sslrootcert",
    "postgres://app:hunter2@db/shop?sslmode=verify-full&sslrootcert=/nowhere/ca.pem":
      "/nowhere/ca.pem cannot be read",
  };

  for (const [text, why] of Object.entries(malformed)) {
    it(`written as ${text} is refused, and the error does not repeat it`, () => {
      let error: unknown;
      try {
        DatabaseUrl.parse(text, "STAGING_DATABASE_URL");
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(InputError);
      expect(error).toMatchObject({
        code: "url-malformed",
        message: `The database URL from STAGING_DATABASE_URL cannot be read: ${why}.`,
      });
      expect(printed(error)).not.toContain("hunter2");
      expect(printed(error)).not.toContain("ter2@");
    });
  }

  it("needs neither a port, nor a database, nor a password", () => {
    expect(DatabaseUrl.parse("postgresql://app@db", "a test").parameters()).toMatchObject({
      port: 5432,
      user: "app",
      database: "app",
    });
  });

  it("may name a Unix socket, a host in brackets, or its parts as parameters", () => {
    const socket = DatabaseUrl.parse("postgres://app:hunter2@/shop?host=/run/postgres&port=5433", "a test");
    expect(socket.parameters()).toMatchObject({ host: "/run/postgres", port: 5433, ssl: false });
    expect(String(socket)).toBe("postgresql://app@/shop?host=%2Frun%2Fpostgres&port=5433");
    const bracketed = DatabaseUrl.parse("postgres://app@[::1]:5433/shop", "a test");
    expect(bracketed.parameters()).toMatchObject({ host: "::1", port: 5433, ssl: false });
    expect(String(bracketed)).toBe("postgresql://app@[::1]:5433/shop");
    const parameters = DatabaseUrl.parse("postgres://db/shop?user=app&password=hunter2", "a test");
    expect(parameters.parameters()).toMatchObject({ user: "app", password: "hunter2" });
    for (const url of [socket, parameters]) expect(printed(url)).not.toContain("hunter2");
  });

  it("with some parts replaced keeps the others, the password too", () => {
    const url = DatabaseUrl.parse("postgres://app:hunter2@db/shop", "a test").with({ database: "other" });
    expect(url.withPassword()).toBe("postgresql://app:hunter2@db:5432/other");
    expect(printed(url)).not.toContain("hunter2");
  });

  it("is encrypted when it leaves this machine, without a word about it", () => {
    const ssl = (text: string) => DatabaseUrl.parse(text, "a test").parameters().ssl;
    expect(ssl("postgres://app@db.example.com/shop")).toEqual({ rejectUnauthorized: false });
    for (const host of ["localhost", "127.0.0.1", "[::1]"])
      expect(ssl(`postgres://app@${host}/shop`)).toBe(false);
  });

  it("follows sslmode as libpq does", () => {
    const ssl = (mode: string) =>
      DatabaseUrl.parse(`postgres://app@db/shop?sslmode=${mode}`, "a test").parameters().ssl;
    expect(ssl("disable")).toBe(false);
    expect(ssl("allow")).toEqual({ rejectUnauthorized: false });
    expect(ssl("prefer")).toEqual({ rejectUnauthorized: false });
    expect(ssl("require")).toEqual({ rejectUnauthorized: false });
    expect(ssl("verify-full")).toEqual({ rejectUnauthorized: true });
  });

  it("may be written for a driver that has to be told to follow libpq", () => {
    const text = "postgres://app@db/shop?sslmode=require&uselibpqcompat=true";
    expect(DatabaseUrl.parse(text, "a test").parameters().ssl).toEqual({ rejectUnauthorized: false });
  });

  it("with a certificate checks the chain, and the name only for verify-full", async () => {
    await withFolder({ "ca.pem": "the certificate" }, async (folder) => {
      const ssl = (mode: string) => {
        const text = `postgres://app@db/shop?sslmode=${mode}&sslrootcert=${join(folder, "ca.pem")}`;
        return DatabaseUrl.parse(text, "a test").parameters().ssl;
      };
      expect(ssl("verify-full")).toEqual({ rejectUnauthorized: true, ca: "the certificate" });
      for (const mode of ["require", "verify-ca"]) {
        expect(ssl(mode)).toMatchObject({ rejectUnauthorized: true, ca: "the certificate" });
        expect(ssl(mode)).toHaveProperty("checkServerIdentity");
      }
    });
  });
});
