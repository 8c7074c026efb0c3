import { inspect } from "node:util";
import { parse } from "pg-connection-string";
import { InputError } from "../operation/index.js";

interface TlsParameters {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Replaces the check of the server's name, where the mode asks for none. */
  readonly checkServerIdentity?: () => undefined;
}

/** What a database driver needs to connect. The only place where the password is in the open. */
export interface ConnectionParameters {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly ssl: false | TlsParameters;
}

const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;

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
   * Reads a `postgres://` or `postgresql://` URL. TLS follows libpq's `sslmode`, except that `allow` and
   * `prefer` insist on it too; without a mode, connections that leave this machine are encrypted all the same.
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
      // Twice the setting is an error to the parser, and without it the parser warns on stderr.
      parsed = parse(text, { useLibpqCompat: !/[?&]uselibpqcompat=/.test(text) });
    } catch (error) {
      // The parser's own errors may quote the URL, so nothing of them is kept but codes and names of files.
      const { code, path } = error as NodeJS.ErrnoException;
      if (path !== undefined) throw malformed(`${path} cannot be read`);
      if (code !== undefined) throw malformed(code);
      throw malformed(error instanceof URIError ? "it is not a URL" : "sslmode=verify-ca needs sslrootcert");
    }
    const host = parsed.host || "localhost";
    const port = parsed.port ? Number(parsed.port) : 5432;
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw malformed("the port is not a number");
    const user = parsed.user;
    if (!user) throw malformed("it names no user");
    const { sslmode, sslrootcert } = parsed as { sslmode?: string; sslrootcert?: string };
    if (sslmode !== undefined && !isSslMode(sslmode)) {
      throw malformed(`sslmode has to be ${sslModes.slice(0, -1).join(", ")} or ${sslModes.at(-1)}`);
    }
    const leavesMachine = !host.startsWith("/") && !loopback.has(host);
    const mode = sslmode ?? (sslrootcert ? "verify-full" : leavesMachine ? "require" : "disable");
    return new DatabaseUrl({
      host,
      port,
      user,
      password: parsed.password,
      database: parsed.database || user,
      ssl: tlsParameters(mode, parsed.ssl),
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

function isSslMode(text: string): text is (typeof sslModes)[number] {
  return (sslModes as readonly string[]).includes(text);
}

/** @param read the certificates that the parser read from the files the URL names */
function tlsParameters(
  mode: (typeof sslModes)[number],
  read: ReturnType<typeof parse>["ssl"],
): ConnectionParameters["ssl"] {
  if (mode === "disable") return false;
  const { ca, cert, key } = typeof read === "object" && read !== null ? read : {};
  const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  if (mode === "verify-full") return { rejectUnauthorized: true, ...files };
  if (!ca) return { rejectUnauthorized: false, ...files };
  return { rejectUnauthorized: true, ...files, checkServerIdentity: () => undefined };
}
