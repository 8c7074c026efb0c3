import * as v from "valibot";
import { parseS3Address } from "./backup-settings.js";
import { parseDeployWindow } from "./deploy-window.js";
import { environmentName } from "./environment-name.js";

// None of these messages repeats the value: it may be an address with a password.
const text = v.pipe(v.string("must be text"), v.minLength(1, "must not be empty"));
const flag = v.boolean("must be true or false");

/** An object with these settings and no others; valibot's own reports only the first unknown one. */
function settings<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.looseObject(entries, "must be an object"),
    v.rawCheck(({ dataset, addIssue }) => {
      const input: unknown = dataset.value;
      if (typeof input !== "object" || input === null) return;
      for (const [key, value] of Object.entries(input)) {
        if (Object.hasOwn(entries, key)) continue;
        const place = { type: "object", origin: "key", input: { ...input }, key, value } as const;
        addIssue({ message: "there is no such setting", path: [place] });
      }
    }),
  );
}

const backups = settings({
  store: v.optional(
    v.pipe(
      text,
      v.check(
        (store) => !/^~|^[a-z][a-z0-9+.-]+:\/\//i.test(store) || parseS3Address(store) !== undefined,
        "must be the path of a folder (without ~), or s3://bucket/prefix",
      ),
    ),
  ),
  endpoint: v.optional(
    v.pipe(
      text,
      v.check(
        isServiceAddress,
        "must be the address of a service, such as https://s3.example.com, without a login",
      ),
    ),
  ),
  region: v.optional(v.pipe(text, v.regex(/^[a-z0-9-]+$/i, "must be letters, digits and -"))),
  recipients: v.optional(
    v.array(
      v.pipe(text, v.regex(/^age1[0-9a-z]+$/, "must be a public key of age, which begins with age1")),
      "must be a list",
    ),
  ),
});

function isServiceAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const hasLogin = url.username !== "" || url.password !== "";
  return /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "" && !hasLogin;
}

const deploy = settings({
  window: v.optional(
    v.pipe(
      text,
      v.check(
        (window) => parseDeployWindow(window) !== undefined,
        "must be hours such as 02:00-05:00, or sat,sun 22:00-05:00 Europe/Berlin",
      ),
    ),
  ),
});

const email = v.pipe(text, v.regex(/^[^@\s]+@[^@\s]+$/, "must be an address"));

const users = settings({
  testDomain: v.optional(v.pipe(text, v.regex(/^[^@\s]+$/, "must be a domain, without the @"))),
  seeded: v.optional(v.array(email, "must be a list")),
  test: v.optional(
    v.pipe(
      v.array(
        settings({
          role: text,
          name: text,
          email,
          variable: v.optional(text),
          metadata: v.optional(v.record(v.string(), v.unknown(), "must be an object")),
          appMetadata: v.optional(v.record(v.string(), v.unknown(), "must be an object")),
        }),
        "must be a list",
      ),
      v.check(
        (list) => new Set(list.map(({ role }) => role)).size === list.length,
        "has two users of one role",
      ),
    ),
  ),
});

const identityName = v.pipe(
  text,
  v.regex(/^[^\s,]+$/, "must be a name without spaces and commas"),
  v.check((name) => !["anon", "service_role", "deployer"].includes(name), "is measured anyway"),
);

const access = settings({
  identities: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          settings({
            name: identityName,
            email: v.optional(email),
            role: v.optional(text),
            claims: v.optional(v.record(v.string(), v.unknown(), "must be an object")),
          }),
          v.check(
            ({ email, role, claims }) => email === undefined || (role === undefined && claims === undefined),
            "email excludes role and claims: those of the user hold",
          ),
        ),
        "must be a list",
      ),
      v.check(
        (list) => new Set(list.map(({ name }) => name)).size === list.length,
        "has two identities of one name",
      ),
    ),
  ),
  owners: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[^.]+\.[^.]+$/, "is named with its schema: public.contacts")),
      v.array(text, "must be a list of columns"),
      "must be an object",
    ),
  ),
  schemas: v.optional(v.array(text, "must be a list")),
  accept: v.optional(v.array(settings({ rule: text, on: text, because: text }), "must be a list")),
});

const configFile = settings({
  name: v.optional(text),
  folders: v.optional(
    settings({ migrations: v.optional(text), rollbacks: v.optional(text), checks: v.optional(text) }),
  ),
  seed: v.optional(v.array(text, "must be a list")),
  data: v.optional(text),
  users: v.optional(users),
  access: v.optional(access),
  engine: v.optional(
    v.pipe(
      settings({
        url: v.optional(text),
        port: v.optional(
          v.pipe(
            v.number("must be a number"),
            v.integer("must be a whole number"),
            v.minValue(1024, "must be at least 1024"),
            v.maxValue(65535, "must be at most 65535"),
          ),
        ),
      }),
      v.check(
        (engine) => engine.url === undefined || engine.port === undefined,
        "url and port exclude each other: with url the server is not ours to start",
      ),
    ),
  ),
  backups: v.optional(backups),
  deploy: v.optional(deploy),
  environments: v.optional(
    v.pipe(
      v.record(
        v.pipe(v.string(), v.regex(environmentName, "is named in lower case: letters, digits, - and _")),
        settings({
          url: v.optional(text),
          protected: v.optional(flag),
          backups: v.optional(backups),
          deploy: v.optional(deploy),
        }),
        "must be an object",
      ),
      v.check(
        (environments) => environments.local?.url === undefined,
        "local has no url: it is the embedded server; to use another one set engine.url",
      ),
    ),
  ),
});

/** Checks what a config file exports: its settings, or everything that is wrong with them, a line each. */
export function checkSettings(
  exported: unknown,
):
  | { readonly settings: v.InferOutput<typeof configFile> }
  | { readonly problems: readonly [string, ...string[]] } {
  const checked = v.safeParse(configFile, exported);
  if (checked.success) return { settings: checked.output };
  const [first, ...others] = checked.issues.map(
    (issue) => `${v.getDotPath(issue) ?? "the file"}: ${issue.message}`,
  );
  return { problems: [first ?? "the file: it cannot be read", ...others] };
}
