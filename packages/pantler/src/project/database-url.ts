import { inspect } from "node:util";
import { parse } from "pg-connection-string";
import { InputError } from "../operation/index.js";

/** What a database driver needs to connect. The only place where the password is in the open. */
export interface ConnectionParameters {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly ssl: false | { readonly rejectUnauthorized: boolean; readonly ca?: string };
}

const loopback = new Set(["localhost", "127.0.0.1", "::1"]);

/**
 * The address of a database. However it is printed (text, JSON, a log, an error) the password is not in it.
 */
export class DatabaseUrl {
  readonly #parameters: ConnectionParameters;

  private constructor(parameters: ConnectionParameters) {
    this.#parameters = parameters;
  }

  /**
   * Reads a `postgres://` or `postgresql://` URL. TLS follows libpq's `sslmode`; without one, connections that
   * leave this machine are encrypted all the same.
   * @param text the URL
   * @param origin where it was read, for the error: a variable, a file
   * @throws InputError `url-malformed`, which does not repeat the text since it may hold a password
   */
  static parse(text: string, origin: string): DatabaseUrl {
    const malformed = (why: string, cause?: unknown) =>
      new InputError({
        code: "url-malformed",
        message: `The database URL from ${origin} cannot be read: ${why}.`,
        state: "Nothing was done.",
        remedy:
          "Write it as postgres://user:password@host:5432/database, with special characters percent-encoded.",
        cause,
      });
    if (!/^postgres(ql)?:\/\//.test(text)) throw malformed("it does not begin with postgres://");
    let parsed: ReturnType<typeof parse>;
    try {
      parsed = parse(text, { useLibpqCompat: true });
    } catch (error) {
      // The driver's own message quotes the URL, so only its code is kept.
      throw malformed(error instanceof Error && "code" in error ? String(error.code) : "it is not a URL");
    }
    const host = parsed.host || "localhost";
    const port = parsed.port ? Number(parsed.port) : 5432;
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw malformed("the port is not a number");
    const user = parsed.user;
    if (!user) throw malformed("it names no user");
    const mode = new URL(text).searchParams.get("sslmode");
    const ssl =
      mode === null
        ? host.startsWith("/") || loopback.has(host)
          ? false
          : { rejectUnauthorized: false }
        : normalizeSsl(parsed.ssl);
    return new DatabaseUrl({
      host,
      port,
      user,
      password: parsed.password,
      database: parsed.database || user,
      ssl,
    });
  }

  /** Makes an address from its parts. */
  static of(parameters: ConnectionParameters): DatabaseUrl {
    return new DatabaseUrl(parameters);
  }

  get host(): string {
    return this.#parameters.host;
  }

  get port(): number {
    return this.#parameters.port;
  }

  get user(): string {
    return this.#parameters.user;
  }

  get database(): string {
    return this.#parameters.database;
  }

  /** The same server, with some parts replaced. */
  with(changes: Partial<Pick<ConnectionParameters, "database" | "user" | "password" | "port">>): DatabaseUrl {
    return new DatabaseUrl({ ...this.#parameters, ...changes });
  }

  /** What a driver connects with, password included. */
  parameters(): ConnectionParameters {
    return this.#parameters;
  }

  /** The URL with its password, for the one place that must show it: how to connect to the local server. */
  withPassword(): string {
    return this.#format(this.#parameters.password);
  }

  toString(): string {
    return this.#format(undefined);
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }

  #format(password: string | undefined): string {
    const { host, port, user, database } = this.#parameters;
    const name = encodeURIComponent(user);
    const login = password === undefined ? name : `${name}:${encodeURIComponent(password)}`;
    const path = encodeURIComponent(database);
    if (host.startsWith("/"))
      return `postgresql://${login}@/${path}?host=${encodeURIComponent(host)}&port=${port}`;
    return `postgresql://${login}@${host.includes(":") ? `[${host}]` : host}:${port}/${path}`;
  }
}

function normalizeSsl(ssl: ReturnType<typeof parse>["ssl"]): ConnectionParameters["ssl"] {
  if (ssl === undefined || ssl === false || ssl === null) return false;
  if (typeof ssl !== "object") return { rejectUnauthorized: false };
  return {
    rejectUnauthorized: ssl.rejectUnauthorized ?? true,
    ...(ssl.ca === undefined ? {} : { ca: ssl.ca }),
  };
}
