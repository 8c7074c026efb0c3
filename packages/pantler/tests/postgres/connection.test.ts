import { createServer, type Server } from "node:net";
import { inspect } from "node:util";
import type pg from "pg";
import { describe, expect, inject, it } from "vitest";
import { DatabaseUrl, migrateUp } from "../../src/index.js";
import {
  connect,
  isConnectionLoss,
  refuseTransactionPooler,
  requireServer,
  withClient,
} from "../../src/postgres/index.js";
import { freePort, release } from "../support/checkout.js";
import { withDatabase } from "../support/database.js";
import { withProject } from "../support/project.js";

const superuser = () => DatabaseUrl.parse(inject("superuserUrl"), "the test setup");

/** The error that connecting ends with; wherever it is printed, no password is in it. */
async function problemOf(url: DatabaseUrl): Promise<unknown> {
  const error: unknown = await connect(url).then(
    () => new Error("it connected"),
    (caught: unknown) => caught,
  );
  const printed = `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)}`;
  for (const secret of ["hunter2", url.parameters().password ?? ""]) {
    if (secret !== "postgres") expect(printed).not.toContain(secret || "hunter2");
  }
  return error;
}

describe("connecting", () => {
  it("to a server that is not there says where it should be", async () => {
    const url = DatabaseUrl.parse(`postgres://app:hunter2@127.0.0.1:${await freePort()}/shop`, "a test");
    expect(await problemOf(url)).toMatchObject({
      code: "server-unreachable",
      exit: 4,
      message: `${url} cannot be reached: connect ECONNREFUSED 127.0.0.1:${url.port}.`,
      state: "Nothing was done.",
    });
  });

  it("to a host that nobody knows says so", async () => {
    const url = DatabaseUrl.parse("postgres://app:hunter2@pantry.invalid/shop", "a test");
    expect(await problemOf(url)).toMatchObject({
      code: "server-unreachable",
      message: expect.stringContaining("pantry.invalid"),
    });
  });

  it("with a wrong password, or as somebody unknown, is a refused login", async () => {
    for (const user of ["postgres", "nobody_we_know"]) {
      const url = superuser().with({ user, password: "hunter2" });
      expect(await problemOf(url)).toMatchObject({
        code: "password-wrong",
        exit: 4,
        sqlstate: "28P01",
        message: `${url} refused the login: password authentication failed for user "${user}".`,
        remedy: "Check user and password.",
      });
    }
  });

  it("to a database that is not there names it", async () => {
    const url = superuser().with({ database: "no such shop" });
    expect(await problemOf(url)).toMatchObject({
      code: "database-missing",
      exit: 4,
      sqlstate: "3D000",
      message: `${url}: database "no such shop" does not exist.`,
    });
  });

  it("without the right to is refused with the server's reason", async () => {
    await withDatabase(async ({ admin, url }) => {
      const { database } = DatabaseUrl.parse(url, "a test");
      await admin.query(
        `revoke connect on database ${database} from public; alter database ${database} owner to supabase_admin`,
      );
      expect(await problemOf(DatabaseUrl.parse(url, "a test"))).toMatchObject({
        code: "login-refused",
        exit: 4,
        sqlstate: "42501",
        message: expect.stringContaining(`permission denied for database "${database}"`),
      });
    });
  });

  it("to a database that takes no more sessions says to try again", async () => {
    await withDatabase(async ({ admin, url }) => {
      const { database } = DatabaseUrl.parse(url, "a test");
      await admin.query(`alter database ${database} connection limit 0`);
      expect(await problemOf(DatabaseUrl.parse(url, "a test"))).toMatchObject({
        code: "server-busy",
        exit: 4,
      });
    });
  });

  it("with encryption to a server that has none says how to do without", async () => {
    const { user, port, database } = superuser();
    const text = `postgres://${user}:hunter2@127.0.0.1:${port}/${database}?sslmode=require`;
    expect(await problemOf(DatabaseUrl.parse(text, "a test"))).toMatchObject({
      code: "tls-unsupported",
      exit: 4,
      remedy: "If the way to it is safe without, add ?sslmode=disable to the address.",
    });
  });

  it("to something that is no PostgreSQL is an error in words", async () => {
    const server = createServer((socket) => socket.resume().end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const port = await listen(server);
    try {
      const url = DatabaseUrl.parse(`postgres://app:hunter2@127.0.0.1:${port}/shop`, "a test");
      expect(await problemOf(url)).toMatchObject({ code: "server-unreachable", exit: 4 });
    } finally {
      await release(server);
    }
  });

  it("shows who it is to whoever looks at the server's sessions", async () => {
    const name = await withClient(superuser(), async (client) => {
      const { rows } = await client.query<{ name: string }>(
        "select current_setting('application_name') as name",
      );
      return rows[0]?.name;
    });
    expect(name).toBe("pantler");
  });
});

describe("a connection that is lost", () => {
  it("is told from a statement that failed, and ends neither the process nor the test", async () => {
    await withDatabase(async ({ admin, url }) => {
      const client = await connect(DatabaseUrl.parse(url, "a test"));
      const failure = await client.query("select 1 / 0").catch((error: unknown) => error);
      expect(isConnectionLoss(failure)).toBe(false);
      const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
      const running = client.query("select pg_sleep(60)").catch((error: unknown) => error);
      await admin.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
      expect(isConnectionLoss(await running)).toBe(true);
      const next = await client.query("select 1").catch((error: unknown) => error);
      expect(next).toBeInstanceOf(Error);
      expect(isConnectionLoss(next)).toBe(true);
      await client.end().catch(() => {});
    });
  });

  it("is closed when the work throws", async () => {
    await withDatabase(async ({ admin, url }) => {
      let pid = 0;
      const work = withClient(DatabaseUrl.parse(url, "a test"), async (client) => {
        const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
        pid = rows[0]?.pid ?? 0;
        throw new Error("the work broke");
      });
      await expect(work).rejects.toThrow("the work broke");
      await expect.poll(() => countOf(admin, pid)).toBe(0);
    });
  });
});

describe("a pooler in transaction mode", () => {
  it("is refused with the address to use instead", () => {
    const url = DatabaseUrl.parse(
      "postgres://app.ref:hunter2@aws.pooler.supabase.com:6543/postgres",
      "a test",
    );
    expect(() => refuseTransactionPooler(url)).toThrowError(
      expect.objectContaining({
        code: "transaction-pooler",
        exit: 4,
        message:
          "postgresql://app.ref@aws.pooler.supabase.com:6543/postgres is a pooler in transaction mode (port 6543), which cannot hold a lock or a session setting.",
        remedy:
          "Use the session pooler, postgresql://app.ref@aws.pooler.supabase.com:5432/postgres, or the direct address of the database.",
      }),
    );
    expect(() => refuseTransactionPooler(url.with({ port: 5432 }))).not.toThrow();
  });

  it("gets no migration, and is not even connected to", async () => {
    await withProject({ "1_users.sql": "create table users ();" }, async ({ target, operation }) => {
      const pooled = { ...target, url: target.url.with({ port: 6543 }) };
      await expect(migrateUp(pooled, {}, operation)).rejects.toMatchObject({ code: "transaction-pooler" });
    });
  });
});

describe("the server's version", () => {
  it("is the major one", async () => {
    await withClient(superuser(), async (client) =>
      expect(await requireServer(client, superuser())).toBe(17),
    );
  });

  // No server that old can be had here, so this one speaks just enough of the protocol to say its version.
  it("is refused when it is too old", async () => {
    const server = createServer((socket) => {
      socket.once("data", () => {
        socket.write(Buffer.concat([message("R", int32(0)), message("Z", Buffer.from("I"))]));
        socket.once("data", () => socket.write(oneRow("140005")));
      });
      socket.on("error", () => {});
    });
    const port = await listen(server);
    const url = DatabaseUrl.parse(`postgres://app:hunter2@127.0.0.1:${port}/shop`, "a test");
    try {
      await withClient(url, async (client) => {
        await expect(requireServer(client, url)).rejects.toMatchObject({
          code: "server-too-old",
          exit: 4,
          message: `${url} is PostgreSQL 14; version 15 is the oldest that works.`,
        });
      });
    } finally {
      await release(server);
    }
  });
});

async function countOf(admin: pg.Client, pid: number): Promise<number> {
  const { rows } = await admin.query("select from pg_stat_activity where pid = $1", [pid]);
  return rows.length;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

/** The answer to a simple query: one row with one column of text, named version. */
function oneRow(value: string): Buffer {
  const column = Buffer.concat([
    Buffer.from("version\0"),
    int32(0),
    int16(0),
    int32(25),
    int16(-1),
    int32(-1),
    int16(0),
  ]);
  return Buffer.concat([
    message("T", Buffer.concat([int16(1), column])),
    message("D", Buffer.concat([int16(1), int32(value.length), Buffer.from(value)])),
    message("C", Buffer.from("SELECT 1\0")),
    message("Z", Buffer.from("I")),
  ]);
}
